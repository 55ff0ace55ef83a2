import { defineScript } from "./define-script.ts"

export const SURVEY = defineScript("survey", {
  flags: "no-writes,allow-oom",
  keys: ["life", "outbox", "due", "dead"],
  args: [],
  returns: ([settled, events, bytes, dead, first]) => ({
    settled: settled === 1,
    events: Number(events),
    bytes: Number(bytes),
    dead: Number(dead),
    first: Number(first),
  }),
  lua: `
-- first is the revision of the event that is due first, if any.
local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
local s = redis.call('HMGET', life_key, 'run', 'drained', 'bytes')
local first = redis.call('ZRANGE', due_key, 0, 0)[1]
local entry = first and redis.call('HGET', outbox_key, first)
return { s[1] == run and s[2] == '1' and 1 or 0, redis.call('HLEN', outbox_key), tonumber(s[3] or '0'),
  redis.call('HLEN', dead_key), entry and entry:match('^{"revision":"(%d+)"') or '' }
`,
})

export const OLDEST = defineScript("oldest", {
  flags: "no-writes,allow-oom",
  keys: ["outbox", "dead"],
  args: ["cursor", "count"],
  returns: ([next, least]) => ({ next: String(next), least: Number(least) }),
  lua: `
-- Returns the next cursor ('0' at the end), and the least revision of the living entries scanned, if any.
local reply = redis.call('HSCAN', outbox_key, cursor, 'COUNT', count)
local some_dead = redis.call('EXISTS', dead_key) == 1
local least
for i = 1, #reply[2], 2 do
  local revision = tonumber(reply[2][i + 1]:match('^{"revision":"(%d+)"'))
  if revision and (not least or revision < least) and not (some_dead and redis.call('HEXISTS', dead_key, reply[2][i]) == 1) then
    least = revision
  end
end
return { reply[1], least and string.format('%.0f', least) or '' }
`,
})
