/**
 * DESIGN. Each Redis script is one atomic step in one shard.
 *
 * A *life* of Redis is a run of its process with its data. Another `run_id`, a missing marker, or a revision below one
 * that this process has seen begins a new *generation* of the shard; `lost` is the latest one that began with data
 * missing. A new generation takes no writes until it is *settled*: the persist queue has been seen empty (the hash
 * field keeps its old name `drained`, for stored data). Each parent is verified against MySQL on first use: its `g`
 * (chat 7: `g7`) is that generation. If `g` is below `lost`, the parent needs a fence (see lib/write). Events brought
 * back by an older copy of Redis are `stale`: they are sent again and taken off before the shard settles, or readers
 * would see overwritten states.
 *
 * Promised: a number, its revision, its outbox entry and its idempotency record come together or not at all. May happen
 * twice: a script whose answer was lost, if the client sends its request again without an Idempotency-Key.
 *
 * Each accepted event has its place among the *changes* of its application: a sorted set of outbox fields by revision.
 * Functions of releases before these sets neither add to them nor remove from them. So each write sets `noted` together
 * with `revision`; where the two differ, an older function wrote last, and the next write keeps that revision as
 * `unnoted`: up to it, events may lack their place until a reader has given it to them (changes.ts).
 *
 * At `maxmemory` only creations and changes are refused; no other script adds an event.
 *
 * Revisions are microseconds as text, formatted by '%.0f' (`tostring` would write 1.76e+15); below 2^53 they are exact.
 */
export const PRELUDE = `
local function text(n) return string.format('%.0f', n) end
local function now_us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end

-- Keeps the latest revision of an older function's write; to be called before 'noted' is set.
local function keep_unnoted(key, state)
  if not state.noted then redis.call('HSET', key, 'unnoted', text(state.unnoted)) end
end

-- Begins a generation in which all parents must be verified; lost: data is missing.
local function begin(key, state, run, lost)
  state.generation = math.max(state.generation + 1, now_us())
  if lost then state.lost = state.generation end
  state.settled = false
  keep_unnoted(key, state)
  redis.call('HSET', key, 'run', run, 'generation', text(state.generation), 'lost', text(state.lost), 'drained', '0',
    'revision', text(state.revision), 'noted', text(state.revision))
  state.noted = true
  -- Entries that an older copy brought back may have been changed since.
  if lost then redis.call('HSET', key, 'stale', 'unsent') end
end

-- Returns the shard's state; seen: the greatest revision that the caller knows of.
local function life(key, seen)
  local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
  local s = redis.call('HMGET', key, 'run', 'generation', 'lost', 'drained', 'revision', 'bytes',
    'noted', 'unnoted')
  local state = { run = run, generation = tonumber(s[2] or '0'), lost = tonumber(s[3] or '0'), settled = s[4] == '1',
    revision = tonumber(s[5] or '0'), bytes = tonumber(s[6] or '0'), noted = s[7] == s[5] }
  state.unnoted = state.noted and tonumber(s[8] or '0') or state.revision
  local rolled_back = state.revision < seen
  if rolled_back then state.revision = seen end
  if s[1] ~= run or not s[2] or rolled_back then begin(key, state, run, rolled_back or not s[2]) end
  return state
end

local function is_tombstone(entry) return entry and entry:sub(-15) == '"deleted":true}' end

-- Returns whether the outbox or the deletion marks say that one of the resources was deleted.
local function gone(outbox, deleted, fields)
  for _, entry in ipairs(redis.call('HMGET', outbox, unpack(fields))) do
    if is_tombstone(entry) then return true end
  end
  for _, field in ipairs(fields) do
    if redis.call('ZSCORE', deleted, field) then return true end
  end
  return false
end

local function event(revision, token, chat, message, created, rest)
  return '{"revision":"' .. revision .. '","application":"' .. token .. '","chat":' .. chat .. ',"message":' .. message
    .. ',"created_at":' .. created .. ',' .. rest
end
`

/** The moment of a read that may have missed writes; a change that compares with it has the resource read again. */
export const UNKNOWN_MOMENT = "unknown"
