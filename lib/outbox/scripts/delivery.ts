/**
 * The scripts for accepted events: they are taken off once in MySQL, sent again until then, or set aside as dead. All
 * may run at `maxmemory`, since the outbox could not shrink without them.
 */
import type { WriteEvent } from "../../events.ts"
import { defineScript } from "./define-script.ts"
import { HELD, REQUIRE_LIFE } from "./prelude.ts"

/** Doubles with each attempt up to the maximum, so that a long backlog does not flood the queue. */
const RELAY_BACKOFF_MS = 30_000
const RELAY_BACKOFF_MAX_MS = 300_000

export const REMOVE = defineScript("remove", {
  keys: ["life", "outbox", "due", "attempts", "dead", "...sets"],
  args: ["...events"],
  returns: ([removed]) => Number(removed),
  lua: `
-- events has field, revision and pending member of each; sets has the keys of two for each: of what is pending below
-- its parent, and of the application's changes. taken is the greatest revision ever taken off, which tells CHANGE that it
-- may have missed a write.
${REQUIRE_LIFE}
require_writable(life_key)
local freed, removed = 0, 0
local before = tonumber(redis.call('HGET', life_key, 'taken') or '0')
local taken = before
for i = 1, #events, 3 do
  local field, revision = events[i], events[i + 1]
  local entry = redis.call('HGET', outbox_key, field)
  if entry and entry:match('^{"revision":"(%d+)"') == revision then
    redis.call('HDEL', outbox_key, field)
    redis.call('ZREM', due_key, field)
    redis.call('HDEL', attempts_key, field)
    redis.call('HDEL', dead_key, field)
    local pending = (i + 2) / 3 * 2 - 1
    redis.call('ZREM', sets[pending], events[i + 2])
    redis.call('ZREM', sets[pending + 1], field)
    freed, removed, taken = freed + #entry, removed + 1, math.max(taken, tonumber(revision))
  end
end
if freed > 0 then redis.call('HINCRBY', life_key, 'bytes', -freed) end
if taken > before then redis.call('HSET', life_key, 'taken', string.format('%.0f', taken)) end
return removed
`,
})

/** Claims events that have waited too long, so that only one of several relays sends each. */
export const CLAIM = defineScript("claim", {
  keys: ["life", "outbox", "due", "attempts"],
  args: ["count"],
  // Events of any version.
  returns: (entries) => entries.map((entry) => JSON.parse(String(entry)) as WriteEvent),
  lua: `${HELD}${REQUIRE_LIFE}
require_writable(life_key)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local entries = {}
if is_held(tonumber(redis.call('HGET', life_key, 'held') or '0'), now) then return entries end
local fields = redis.call('ZRANGEBYSCORE', due_key, '-inf', string.format('%.0f', now), 'LIMIT', 0, count)
if #fields == 0 then
  -- A due time beyond any back-off comes from a clock that has been set back since.
  local beyond = string.format('(%.0f', now + ${RELAY_BACKOFF_MAX_MS})
  fields = redis.call('ZRANGEBYSCORE', due_key, beyond, '+inf', 'LIMIT', 0, count)
end
for _, field in ipairs(fields) do
  local entry = redis.call('HGET', outbox_key, field)
  if entry then
    local attempts = redis.call('HINCRBY', attempts_key, field, 1)
    local wait = math.min(${RELAY_BACKOFF_MS} * 2 ^ math.min(attempts - 1, 20), ${RELAY_BACKOFF_MAX_MS})
    redis.call('ZADD', due_key, string.format('%.0f', now + wait), field)
    entries[#entries + 1] = entry
  else
    redis.call('ZREM', due_key, field)
  end
end
return entries
`,
})

export const NEXT_DUE = defineScript("next-due", {
  keys: ["life", "due"],
  args: [],
  returns: ([wait]) => (wait === undefined ? undefined : Number(wait)),
  lua: `${REQUIRE_LIFE}
require_life(life_key)
local first = redis.call('ZRANGE', due_key, 0, 0, 'WITHSCORES')
if not first[2] then return {} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- As in claim, a due time beyond any back-off is due now.
local last = redis.call('ZRANGE', due_key, -1, -1, 'WITHSCORES')
if tonumber(last[2]) > now + ${RELAY_BACKOFF_MAX_MS} then return { '0' } end
return { string.format('%.0f', tonumber(first[2]) - now) }
`,
})

export const BURY = defineScript("bury", {
  keys: ["life", "outbox", "due", "dead"],
  args: ["field", "revision", "reason"],
  returns: ([buried]) => buried === 1,
  lua: `${REQUIRE_LIFE}
require_writable(life_key)
local entry = redis.call('HGET', outbox_key, field)
if not entry or entry:match('^{"revision":"(%d+)"') ~= revision then return 0 end
redis.call('ZREM', due_key, field)
redis.call('HSET', dead_key, field, reason)
return 1
`,
})

export const REVIVE = defineScript("revive", {
  keys: ["life", "outbox", "due", "dead", "attempts"],
  args: ["field"],
  returns: ([revived]) => revived === 1,
  lua: `${REQUIRE_LIFE}
require_writable(life_key)
if redis.call('HDEL', dead_key, field) == 0 then return 0 end
redis.call('HDEL', attempts_key, field)
if redis.call('HEXISTS', outbox_key, field) == 1 then redis.call('ZADD', due_key, 0, field) end
return 1
`,
})

/** Returns the next cursor ('0' at the end) and the fields of dead events that were scanned. */
export const SCAN_DEAD = defineScript("scan-dead", {
  flags: "no-writes,allow-oom",
  keys: ["life", "dead"],
  args: ["cursor", "count"],
  returns: ([next, ...fields]) => ({ next: String(next), fields: fields.map(String) }),
  lua: `${REQUIRE_LIFE}
require_life(life_key)
local reply = redis.call('HSCAN', dead_key, cursor, 'COUNT', count)
local result = { reply[1] }
for i = 1, #reply[2], 2 do result[#result + 1] = reply[2][i] end
return result
`,
})

export const HAND_BACK = defineScript("hand-back", {
  keys: ["life", "outbox", "due", "attempts"],
  args: ["...events"],
  returns: (held) => held.map((value) => value === 1),
  lua: `
-- events has field and revision of each.
${REQUIRE_LIFE}
require_writable(life_key)
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local result = {}
for i = 1, #events, 2 do
  local field = events[i]
  local entry = redis.call('HGET', outbox_key, field)
  local revision = entry and tonumber(entry:match('^{"revision":"(%d+)"'))
  local wanted = tonumber(events[i + 1])
  result[#result + 1] = revision and revision >= wanted and 1 or 0
  -- A newer event has its own queue message; one that the relay has sent keeps its back-off.
  if revision == wanted and redis.call('HEXISTS', attempts_key, field) == 0 then redis.call('ZADD', due_key, 'XX', now, field) end
end
return result
`,
})
