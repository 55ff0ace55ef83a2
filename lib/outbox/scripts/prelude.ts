/**
 * DESIGN. Each Redis script is one atomic step in one shard.
 *
 * A *life* of Redis is a history of its data (`master_replid`), which ends with its process and wherever a replica is
 * promoted. Another history, a missing marker, or a revision below one that this process has seen begins a new
 * *generation* of the shard; `lost` is the latest one that began with data missing. In a cluster another history may
 * also mean that the shard was moved from a server that still runs: lives.ts finds out.
 *
 * A shard without a life at its tag is elsewhere, or has lost everything. A script that finds none changes nothing and
 * refuses (NOLIFE), since lives.ts must look for the shard at its former tag first. While a shard is carried from there it
 * is *frozen*: what would write refuses (FROZEN), as if the server were away, and reads go on.
 *
 * A new generation takes no writes until it is *settled*: the persist queue has been seen empty (the hash field keeps
 * its old name `drained`, for stored data). Each parent is verified against MySQL on first use: its `g` (chat 7: `g7`)
 * is that generation. If `g` is below `lost`, the parent needs a fence (see lib/write). Events brought back by an older
 * copy of Redis are `stale`: they are sent again and taken off before the shard settles, or readers would see
 * overwritten states.
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
/** How long a shard's events are held back if whoever asked for it died: longer than a pause of its process. */
export const HOLD_MS = 3_000
/**
 * How long at most before they flow again for as long: usually the queue is empty within a second or two, but a poisoned
 * message keeps it from being so for minutes.
 */
export const HOLD_MAX_MS = 10_000

/** Lua for whether a shard's events are held back. */
export const HELD = `
-- A time beyond the longest was set by a clock that has been set back since.
local function is_held(until_ms, now_ms) return until_ms > now_ms and until_ms <= now_ms + ${HOLD_MS} end
`

/** How long a shard stays frozen if whoever carries it died: longer than a pause of its process. */
export const FREEZE_MS = 5_000

/** Lua for scripts that do not read the shard's state: what they call first. */
export const REQUIRE_LIFE = `
local function is_frozen(frozen, now_ms)
  local until_ms = tonumber(frozen and frozen:match('^(%d+)') or '0')
  -- A time beyond the longest was set by a clock that has been set back since.
  return until_ms > now_ms and until_ms <= now_ms + ${FREEZE_MS}
end
local function refuse_frozen(frozen)
  if not frozen then return end
  local t = redis.call('TIME')
  if is_frozen(frozen, t[1] * 1000 + t[2] / 1000) then error({ err = 'FROZEN the shard is being carried to another tag' }) end
end
local function refuse_no_life(generation)
  if not generation then error({ err = 'NOLIFE the shard has no life at this tag' }) end
end

-- Refuses, before anything was written, where the shard's keys are not, or must not be changed.
local function require_life(key)
  local s = redis.call('HMGET', key, 'generation', 'frozen')
  refuse_no_life(s[1])
  return s[2]
end
local function require_writable(key) refuse_frozen(require_life(key)) end
`

/** Lua for what identifies the server's life. A managed server may hide its history, and has only its process then. */
export const LIFE = `
local function server_info() return redis.call('INFO', 'server') end
local function present_life()
  return redis.call('INFO', 'replication'):match('master_replid:(%w+)') or server_info():match('run_id:(%w+)')
end

-- Returns whether the shard was last used in the life present. Functions of earlier releases noted only the process.
local function is_same_life(noted, run, present)
  if noted then return noted == present end
  return run == server_info():match('run_id:(%w+)')
end

-- Redis calls its mode redis_mode, Valkey server_mode.
local function refuse_other_life(noted, present)
  if server_info():find('_mode:cluster', 1, true) then error({ err = 'OTHERLIFE ' .. noted .. ' ' .. present }) end
end
`

export const PRELUDE = `${LIFE}${HELD}${REQUIRE_LIFE}
local function text(n) return string.format('%.0f', n) end
local function now_us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end

-- Keeps the latest revision of an older function's write; to be called before 'noted' is set.
local function keep_unnoted(key, state)
  if not state.noted then redis.call('HSET', key, 'unnoted', text(state.unnoted)) end
end

-- Begins a generation in which all parents must be verified; lost: data is missing.
local function begin(key, state, lost)
  state.generation = math.max(state.generation + 1, now_us())
  if lost then state.lost = state.generation end
  state.settled = false
  keep_unnoted(key, state)
  local run = server_info():match('run_id:(%w+)')
  redis.call('HSET', key, 'run', run, 'life', state.life, 'generation', text(state.generation),
    'lost', text(state.lost), 'drained', '0', 'revision', text(state.revision), 'noted', text(state.revision))
  state.noted = true
  -- What is being copied is no longer all that there is.
  redis.call('HDEL', key, 'frozen')
  state.frozen = false
  -- Entries that an older copy brought back may have been changed since.
  if lost then redis.call('HSET', key, 'stale', 'unsent') end
end

local function read_state(key)
  local s = redis.call('HMGET', key, 'life', 'generation', 'lost', 'drained', 'revision', 'bytes',
    'noted', 'unnoted', 'run', 'held', 'frozen')
  local state = { life = present_life(), last_life = s[1], last_run = s[9], exists = s[2],
    generation = tonumber(s[2] or '0'), lost = tonumber(s[3] or '0'),
    settled = s[4] == '1', held = tonumber(s[10] or '0'), revision = tonumber(s[5] or '0'),
    bytes = tonumber(s[6] or '0'), noted = s[7] == s[5], frozen = s[11] }
  state.unnoted = state.noted and tonumber(s[8] or '0') or state.revision
  return state
end

-- Returns the shard's state; seen: the greatest revision that the caller knows of. Before anything was written, raises
-- NOLIFE where the shard is not, and OTHERLIFE where it may have been moved to.
local function life(key, seen)
  local state = read_state(key)
  refuse_no_life(state.exists)
  local is_same = is_same_life(state.last_life, state.last_run, state.life)
  if state.last_life and not is_same then refuse_other_life(state.last_life, state.life) end
  local rolled_back = state.revision < seen
  if rolled_back then state.revision = seen end
  if not is_same or rolled_back then begin(key, state, rolled_back)
  elseif not state.last_life then redis.call('HSET', key, 'life', state.life) end
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
