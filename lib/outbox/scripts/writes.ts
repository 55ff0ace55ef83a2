/**
 * DESIGN. The Redis scripts: each is one atomic step in one shard.
 *
 * A *life* of Redis is a run of its process with its data: another `run_id`, a missing marker, or a revision below one
 * that this process has already seen begins a new *generation* of the shard. `lost` is the latest generation that began
 * with data missing. A new generation takes no writes until it is *settled*, that is, the persist queue has been drained;
 * the hash field for this is named `drained`, since data that is stored must stay valid. Each parent is verified against
 * MySQL on first use: its `g` (chat 7: `g7`) is the generation it was verified in. A parent whose `g` is below `lost`
 * needs a fence (see lib/numbers). Events that an older copy of Redis brought back are `stale`: they are sent again, and
 * taken off, before the shard settles, or readers would see what has been changed since.
 *
 * Promised: a number, its revision, its outbox entry and its idempotency record come together or not at all.
 * May happen twice: a script whose answer was lost, if the client sends its request again without an Idempotency-Key.
 *
 * At `maxmemory` creations and changes are refused. All other scripts are allowed: they read, or without them what waits
 * would not get to MySQL and be taken off.
 *
 * Revisions are microseconds as text, formatted by '%.0f' (`tostring` would write 1.76e+15); below 2^53 they are exact.
 */

import { RATES } from "./rates.ts"

/** `reads`: it is worth waiting for, since nothing else tells what it does. */
export type Script = { name: string; lua: string; reads?: true }

/** The functions that the scripts share; it stands after the comment that a script opens with. */
export const PRELUDE = `
local function text(n) return string.format('%.0f', n) end
local function now_us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end

-- Begins a generation in which everything must be verified; lost: data is missing.
local function begin(key, state, run, lost)
  state.generation = math.max(state.generation + 1, now_us())
  if lost then state.lost = state.generation end
  state.settled = false
  redis.call('HSET', key, 'run', run, 'generation', text(state.generation), 'lost', text(state.lost), 'drained', '0',
    'revision', text(state.revision))
  -- What an older copy brought back may have been changed since.
  if lost then redis.call('HSET', key, 'stale', 'unsent') end
end

-- The state of the shard; seen: the greatest revision that the caller knows of.
local function life(key, seen)
  local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
  local s = redis.call('HMGET', key, 'run', 'generation', 'lost', 'drained', 'revision', 'bytes')
  local state = { run = run, generation = tonumber(s[2] or '0'), lost = tonumber(s[3] or '0'), settled = s[4] == '1',
    revision = tonumber(s[5] or '0'), bytes = tonumber(s[6] or '0') }
  local rolled_back = state.revision < seen
  if rolled_back then state.revision = seen end
  if s[1] ~= run or not s[2] or rolled_back then begin(key, state, run, rolled_back or not s[2]) end
  return state
end

local function is_tombstone(entry) return entry and entry:sub(-15) == '"deleted":true}' end

-- Whether one of the resources has been deleted, as far as the outbox and the deletion marks know.
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

/** Accepts the creation of an application, chat or message. */
export const CREATE: Script = {
  name: "create",
  lua: `-- KEYS 1 life 2 outbox 3 due 4 application 5 pending 6 deleted 7 idempotency record (absent without a key), buckets
-- ARGV 1 seen 2 kind 3 token 4 chat ('0' unless a message) 5 rest of the event's JSON 6 events max 7 bytes max
--      8 relay after ms 9 fingerprint ('' without a key) 10 seconds that the record lives 11 quotas of the buckets
--      12 revision that an application comes after
-- returns {'created', number or token, revision} | {'replayed', number or token, revision} | {'mismatch'} | {'full'}
--       | {'unsettled', generation} | {'gone'} | {'unverified', generation, lost, g of application, g of chat}; judged
${PRELUDE}${RATES}
return judged(ARGV[11], function()
  local kind, token, chat, rest = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  local state = life(KEYS[1], tonumber(ARGV[1]))
  if not state.settled then return { 'unsettled', text(state.generation) } end
  if ARGV[9] ~= '' then
    local record = redis.call('GET', KEYS[7])
    if record then
      local fingerprint, revision, id = record:match('^(%S+) (%d+) (%S+)$')
      if fingerprint ~= ARGV[9] then return { 'mismatch' } end
      return { 'replayed', id, revision }
    end
  end
  local generation = text(state.generation)
  if kind ~= 'application' then
    local g = redis.call('HMGET', KEYS[4], 'g', 'g' .. chat)
    if g[1] ~= generation or (kind == 'message' and g[2] ~= generation) then
      local fields = { token }
      if kind == 'message' then fields[2] = token .. '/' .. chat end
      if gone(KEYS[2], KEYS[6], fields) then return { 'gone' } end
      return { 'unverified', generation, text(state.lost), g[1] or '0', g[2] or '0' }
    end
  end
  if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[6]) or state.bytes + #rest > tonumber(ARGV[7]) then return { 'full' } end
  local now = now_us()
  local revision = math.max(state.revision + 1, now)
  if kind == 'application' then
    local last = math.max(state.revision, tonumber(ARGV[12]))
    -- Applications are listed by milliseconds: a clock that was set back must not give them the same one.
    if now <= last then revision = (math.floor(last / 1000) + 1) * 1000 end
  end
  local created = text(math.floor(revision / 1000))
  local id, field, entry, score
  if kind == 'application' then
    redis.call('HSET', KEYS[4], 'g', generation)
    id, field, score = token, token, created
    entry = event(text(revision), token, '0', '0', created, rest)
  elseif kind == 'chat' then
    id = text(redis.call('HINCRBY', KEYS[4], 'chats', 1))
    redis.call('HSET', KEYS[4], 'c' .. id, '0', 'g' .. id, generation)
    field, score = token .. '/' .. id, id
    entry = event(text(revision), token, id, '0', created, rest)
  else
    id = text(redis.call('HINCRBY', KEYS[4], 'c' .. chat, 1))
    field, score = token .. '/' .. chat .. '/' .. id, id
    entry = event(text(revision), token, chat, id, created, rest)
  end
  redis.call('HSET', KEYS[2], field, entry)
  redis.call('ZADD', KEYS[3], text(math.floor(now / 1000) + tonumber(ARGV[8])), field)
  redis.call('ZADD', KEYS[5], score, id)
  redis.call('HSET', KEYS[1], 'revision', text(revision), 'bytes', text(state.bytes + #entry))
  if ARGV[9] ~= '' then
    redis.call('SET', KEYS[7], ARGV[9] .. ' ' .. text(revision) .. ' ' .. id, 'EX', ARGV[10])
  end
  return { 'created', id, text(revision) }
end)
`,
}

/** Accepts the update or delete of something that the caller has just read. */
export const CHANGE: Script = {
  name: "change",
  lua: `-- KEYS 1 life 2 outbox 3 due 4 application 5 pending 6 deleted 7 attempts 8 dead
-- ARGV 1 seen 2 token 3 chat 4 message ('0' where absent) 5 created_at ms 6 revision read 7 rest of the event's JSON
--      8 '1' for a delete 9 pending member 10 pending score 11 events max 12 bytes max 13 relay after ms 14 mark ms
--      15 the revision that the outbox must have of it ('0': any, or none)
-- returns {'changed', revision} | {'gone'} | {'full'} | {'unsettled', generation}
${PRELUDE}
local token, chat, message, rest = ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local state = life(KEYS[1], tonumber(ARGV[1]))
if not state.settled then return { 'unsettled', text(state.generation) } end
local fields, field = { token }, token
if chat ~= '0' then field = token .. '/' .. chat fields[2] = field end
if message ~= '0' then field = field .. '/' .. message fields[3] = field end
if gone(KEYS[2], KEYS[6], fields) then return { 'gone' } end
local old = redis.call('HGET', KEYS[2], field)
if ARGV[15] ~= '0' and not (old and old:match('^{"revision":"(%d+)"') == ARGV[15]) then return { 'gone' } end
if not old and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[11]) then return { 'full' } end
if state.bytes + #rest - (old and #old or 0) > tonumber(ARGV[12]) then return { 'full' } end
local now = now_us()
local revision = math.max(state.revision + 1, tonumber(ARGV[6]) + 1, now)
local entry = event(text(revision), token, chat, message, ARGV[5], rest)
redis.call('HSET', KEYS[2], field, entry)
redis.call('ZADD', KEYS[3], text(math.floor(now / 1000) + tonumber(ARGV[13])), field)
redis.call('ZADD', KEYS[5], ARGV[10], ARGV[9])
redis.call('HDEL', KEYS[7], field)
redis.call('HDEL', KEYS[8], field)
redis.call('HSET', KEYS[1], 'revision', text(revision), 'bytes', text(state.bytes + #entry - (old and #old or 0)))
if ARGV[8] == '1' then
  local ms = math.floor(now / 1000)
  local expired = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', text(ms), 'LIMIT', 0, 16)
  if #expired > 0 then redis.call('ZREM', KEYS[6], unpack(expired)) end
  redis.call('ZADD', KEYS[6], text(ms + tonumber(ARGV[14])), field)
  if chat == '0' then redis.call('UNLINK', KEYS[4])
  elseif message == '0' then redis.call('HDEL', KEYS[4], 'c' .. chat, 'g' .. chat) end
end
return { 'changed', text(revision) }
`,
}

/** What the outbox knows of some resources, and whether their parents are known to live. */
export const READ: Script = {
  name: "read",
  reads: true,
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 outbox 3 application, buckets
-- ARGV 1 seen 2 chat ('0' where absent) 3 quotas of the buckets 4.. fields
-- returns {settled 0|1, application verified 0|1, chat verified 0|1, entry or false for each field...}; judged
${PRELUDE}${RATES}
return judged(ARGV[3], function()
  local state = life(KEYS[1], tonumber(ARGV[1]))
  local g = redis.call('HMGET', KEYS[3], 'g', 'g' .. ARGV[2])
  local generation = text(state.generation)
  local result = { state.settled and 1 or 0, g[1] == generation and 1 or 0, g[2] == generation and 1 or 0 }
  for i, entry in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV, 4))) do result[3 + i] = entry end
  return result
end)
`,
}

/** What the outbox holds below one parent within a range, in order. */
export const READ_PENDING: Script = {
  name: "read-pending",
  reads: true,
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 outbox 3 application 4 pending, buckets
-- ARGV 1 seen 2 chat ('0' where absent) 3 min 4 max (scores as ZRANGEBYSCORE takes them) 5 'asc' or 'desc'
--      6 count (some thousands at most: Lua unpacks no more than 8,000)
--      7 prefix of the fields of the members 8 quotas of the buckets 9.. fields of the parents
-- returns {settled 0|1, application verified 0|1, chat verified 0|1, {entries of the parents}, {entries in order},
--      the last message number given in the chat}; judged
${PRELUDE}${RATES}
return judged(ARGV[8], function()
  local state = life(KEYS[1], tonumber(ARGV[1]))
  local g = redis.call('HMGET', KEYS[3], 'g', 'g' .. ARGV[2], 'c' .. ARGV[2])
  local generation = text(state.generation)
  local parents, entries = {}, {}
  if #ARGV > 8 then parents = redis.call('HMGET', KEYS[2], unpack(ARGV, 9)) end
  local members
  if ARGV[5] == 'asc' then members = redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[6])
  else members = redis.call('ZREVRANGEBYSCORE', KEYS[4], ARGV[4], ARGV[3], 'LIMIT', 0, ARGV[6]) end
  for i, member in ipairs(members) do members[i] = ARGV[7] .. member end
  if #members > 0 then entries = redis.call('HMGET', KEYS[2], unpack(members)) end
  return { state.settled and 1 or 0, g[1] == generation and 1 or 0, g[2] == generation and 1 or 0, parents, entries,
    g[3] or '0' }
end)
`,
}
