import { defineScript } from "./define-script.ts"
import { LIFE, REQUIRE_LIFE } from "./prelude.ts"

export const SURVEY = defineScript("survey", {
  flags: "no-writes,allow-oom",
  keys: ["life", "outbox", "due", "dead", "stored"],
  args: [],
  returns: ([settled, events, bytes, dead, stored, first]) => ({
    settled: settled === 1,
    events: Number(events),
    bytes: Number(bytes),
    dead: Number(dead),
    stored: Number(stored),
    first: Number(first),
  }),
  lua: `
-- stored counts what is marked, of which some may have been replaced. first is the revision of the event that is due
-- first, if any that is not stored.
${LIFE}${REQUIRE_LIFE}
require_life(life_key)
local s = redis.call('HMGET', life_key, 'life', 'drained', 'bytes', 'run')
local is_same = is_same_life(s[1], s[4], present_life())
local first = redis.call('ZRANGE', due_key, 0, 0)[1]
local entry = first and redis.call('HGET', outbox_key, first)
local revision = entry and entry:match('^{"revision":"(%d+)"') or ''
if first and redis.call('ZSCORE', stored_key, revision .. ' ' .. first) then revision = '' end
return { is_same and s[2] == '1' and 1 or 0, redis.call('HLEN', outbox_key), tonumber(s[3] or '0'),
  redis.call('HLEN', dead_key), redis.call('ZCARD', stored_key), revision }
`,
})

export const OLDEST = defineScript("oldest", {
  flags: "no-writes,allow-oom",
  keys: ["life", "outbox", "dead", "stored"],
  args: ["cursor", "count"],
  returns: ([next, least]) => ({ next: String(next), least: Number(least) }),
  lua: `
-- Returns the next cursor ('0' at the end), and the least revision of the entries scanned that are neither dead nor
-- stored, if any.
${REQUIRE_LIFE}
require_life(life_key)
local reply = redis.call('HSCAN', outbox_key, cursor, 'COUNT', count)
local some_dead, some_stored = redis.call('EXISTS', dead_key) == 1, redis.call('EXISTS', stored_key) == 1
local least
for i = 1, #reply[2], 2 do
  local field, written = reply[2][i], reply[2][i + 1]:match('^{"revision":"(%d+)"')
  local revision = tonumber(written)
  if revision and (not least or revision < least) and not (some_dead and redis.call('HEXISTS', dead_key, field) == 1)
    and not (some_stored and redis.call('ZSCORE', stored_key, written .. ' ' .. field)) then
    least = revision
  end
end
return { reply[1], least and string.format('%.0f', least) or '' }
`,
})
