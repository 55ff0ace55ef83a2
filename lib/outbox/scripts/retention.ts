/**
 * The scripts for events that are stored, and stay in the outbox until a reader of MySQL has them too. `stored` has a
 * member for each, its revision and field, by the time at which it was marked: after the commit. A member whose event
 * was replaced meanwhile says nothing of the newer one.
 */
import { defineScript } from "./define-script.ts"
import { REQUIRE_LIFE } from "./prelude.ts"

/**
 * When the relay sends a stored event again: longer than any retention. So it does only where nobody takes such events
 * off any more: the setting was removed, or functions of an older release run. They are then found stale and taken off.
 */
const STORED_DUE_MS = 90_000
/** Percentage of the outbox's bounds from which on stored events make room, so that retaining refuses no write. */
const RETAINED_PERCENT_MAX = 80

export const MARK = defineScript("mark", {
  keys: ["life", "outbox", "due", "attempts", "dead", "stored"],
  args: ["...events"],
  returns: () => undefined,
  lua: `
-- events has field and revision of each. One that is marked already keeps its time.
${REQUIRE_LIFE}
require_writable(life_key)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 1, #events, 2 do
  local field, revision = events[i], events[i + 1]
  local entry = redis.call('HGET', outbox_key, field)
  if entry and entry:match('^{"revision":"(%d+)"') == revision then
    redis.call('ZADD', due_key, string.format('%.0f', now + ${STORED_DUE_MS}), field)
    redis.call('HDEL', attempts_key, field)
    redis.call('HDEL', dead_key, field)
    redis.call('ZADD', stored_key, 'NX', string.format('%.0f', now), revision .. ' ' .. field)
  end
end
return {}
`,
})

/** Members per call: well under a millisecond of Redis' time. */
const RETIRE_COUNT = 500

export const RETIRE = defineScript("retire", {
  keys: ["life", "outbox", "stored"],
  args: ["lagMs", "eventsMax", "bytesMax", "...done"],
  returns: ([nextMs, ...members]) => ({
    nextMs: nextMs === "" ? undefined : Number(nextMs),
    events: members.map((member) => {
      const [revision = "", field = ""] = String(member).split(" ")
      return { revision, field }
    }),
  }),
  lua: `
-- Removes the members done, whose events were taken off. Returns the ms until the next is to be taken off (none left: ''),
-- and the members, ${RETIRE_COUNT} at most, that were marked longer ago than lag_ms, or at any time if the outbox is nearly full.
${REQUIRE_LIFE}
require_writable(life_key)
for i = 1, #done do redis.call('ZREM', stored_key, done[i]) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function range(from, to) return redis.call('ZRANGEBYSCORE', stored_key, from, to, 'LIMIT', 0, ${RETIRE_COUNT}) end
-- Marked by a clock that has been set back since.
local ahead = range(string.format('(%.0f', now), '+inf')
for _, member in ipairs(ahead) do redis.call('ZADD', stored_key, string.format('%.0f', now), member) end
local share = math.max(redis.call('HLEN', outbox_key) / tonumber(events_max),
  tonumber(redis.call('HGET', life_key, 'bytes') or '0') / tonumber(bytes_max))
local before = share * 100 >= ${RETAINED_PERCENT_MAX} and now or now - tonumber(lag_ms)
local members = range('-inf', string.format('%.0f', before))
local following = redis.call('ZRANGE', stored_key, #members, #members, 'WITHSCORES')
table.insert(members, 1, following[2] and string.format('%.0f', math.max(0, tonumber(following[2]) - before)) or '')
return members
`,
})
