/**
 * The Redis scripts for what becomes of an accepted event: taken off once MySQL has it, sent again while it has not, set
 * aside as dead. All are allowed at `maxmemory`, since without them the outbox would not get shorter.
 */
import type { Script } from "./writes.ts"

/** Takes persisted events off the outbox; one that a newer event has replaced stays. */
export const REMOVE: Script = {
  name: "remove",
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 outbox 3 due 4 attempts 5 dead 6.. pending key of each event
-- ARGV field, revision, pending member of each event
-- returns how many were taken off
local freed, removed = 0, 0
for i = 1, #ARGV, 3 do
  local field, revision = ARGV[i], ARGV[i + 1]
  local entry = redis.call('HGET', KEYS[2], field)
  if entry and entry:match('^{"revision":"(%d+)"') == revision then
    redis.call('HDEL', KEYS[2], field)
    redis.call('ZREM', KEYS[3], field)
    redis.call('HDEL', KEYS[4], field)
    redis.call('HDEL', KEYS[5], field)
    redis.call('ZREM', KEYS[5 + (i + 2) / 3], ARGV[i + 2])
    freed, removed = freed + #entry, removed + 1
  end
end
if freed > 0 then redis.call('HINCRBY', KEYS[1], 'bytes', -freed) end
return removed
`,
}

/** Claims events that have waited too long, so that of several relays one sends each. */
export const CLAIM: Script = {
  name: "claim",
  lua: `#!lua flags=allow-oom
-- KEYS 1 outbox 2 due 3 attempts
-- ARGV 1 count 2 back-off ms 3 back-off max ms
-- returns {entry...}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local entries = {}
local fields = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])
if #fields == 0 then
  -- What is due later than any back-off was put there by a clock that has been set back since.
  local beyond = string.format('(%.0f', now + tonumber(ARGV[3]))
  fields = redis.call('ZRANGEBYSCORE', KEYS[2], beyond, '+inf', 'LIMIT', 0, ARGV[1])
end
for _, field in ipairs(fields) do
  local entry = redis.call('HGET', KEYS[1], field)
  if entry then
    local attempts = redis.call('HINCRBY', KEYS[3], field, 1)
    local wait = math.min(tonumber(ARGV[2]) * 2 ^ math.min(attempts - 1, 20), tonumber(ARGV[3]))
    redis.call('ZADD', KEYS[2], string.format('%.0f', now + wait), field)
    entries[#entries + 1] = entry
  else
    redis.call('ZREM', KEYS[2], field)
  end
end
return entries
`,
}

/** When the first event of a shard is due. */
export const NEXT_DUE: Script = {
  name: "next-due",
  lua: `#!lua flags=allow-oom
-- KEYS 1 due
-- ARGV 1 back-off max ms
-- returns {} | {ms until the first event is due, below 0 when it has been}
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[2] then return {} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- As for claiming: later than any back-off is due now.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if tonumber(last[2]) > now + tonumber(ARGV[1]) then return { '0' } end
return { string.format('%.0f', tonumber(first[2]) - now) }
`,
}

/** Marks an event dead: still read, not relayed. */
export const BURY: Script = {
  name: "bury",
  lua: `#!lua flags=allow-oom
-- KEYS 1 outbox 2 due 3 dead
-- ARGV 1 field 2 revision 3 reason
-- returns 1 when the outbox held that very event
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry or entry:match('^{"revision":"(%d+)"') ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
return 1
`,
}

/** Brings a dead event back: it is due at once. */
export const REVIVE: Script = {
  name: "revive",
  lua: `#!lua flags=allow-oom
-- KEYS 1 outbox 2 due 3 dead 4 attempts
-- ARGV 1 field
-- returns 1 when it was dead
if redis.call('HDEL', KEYS[3], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[4], ARGV[1])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('ZADD', KEYS[2], 0, ARGV[1]) end
return 1
`,
}

/** Leaves events, whose queue message will go, to the outbox: which of them it holds; those are due at once. */
export const HAND_BACK: Script = {
  name: "hand-back",
  lua: `#!lua flags=allow-oom
-- KEYS 1 outbox 2 due 3 attempts
-- ARGV field, revision of each event
-- returns {1 where the entry has that revision or a newer one, else 0...}
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local result = {}
for i = 1, #ARGV, 2 do
  local field = ARGV[i]
  local entry = redis.call('HGET', KEYS[1], field)
  local revision = entry and tonumber(entry:match('^{"revision":"(%d+)"'))
  local wanted = tonumber(ARGV[i + 1])
  result[#result + 1] = revision and revision >= wanted and 1 or 0
  -- A newer one has a queue message of its own; one that the relay has sent before keeps its back-off.
  if revision == wanted and redis.call('HEXISTS', KEYS[3], field) == 0 then redis.call('ZADD', KEYS[2], 'XX', now, field) end
end
return result
`,
}
