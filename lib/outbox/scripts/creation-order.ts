import { defineScript } from "./define-script.ts"

export const NOTE = defineScript("note-creation", {
  keys: ["latest"],
  args: ["created", "askedIn"],
  returns: ([latest, now, sure, run]) => ({ latest: Number(latest), now: Number(now), sure: !!sure, run: String(run) }),
  lua: `
-- Notes as the latest creation the time, or an application's revision created ('0': none), if later. asked_in is the
-- run of Redis in which MySQL was asked ('': it was not): in that run the latest is sure.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
local latest = redis.call('HMGET', latest_key, 'revision', 'run')
local revision = math.max(now, tonumber(created))
if revision > tonumber(latest[1] or '0') then redis.call('HSET', latest_key, 'revision', string.format('%.0f', revision)) end
if asked_in == run then redis.call('HSET', latest_key, 'run', run) end
return { latest[1] or '0', string.format('%.0f', now), latest[2] == run and 1 or 0, run }
`,
})

export type Noted = ReturnType<typeof NOTE.decode>

export const ADVANCE = defineScript("advance-creation", {
  keys: ["latest"],
  args: ["passed", "aheadMs"],
  returns: ([revision]) => Number(revision),
  lua: `
-- Returns a revision ahead_ms milliseconds after any application's, and after passed.
local latest = math.max(tonumber(redis.call('HGET', latest_key, 'revision') or '0'), tonumber(passed))
local revision = string.format('%.0f', (math.floor(latest / 1000) + tonumber(ahead_ms)) * 1000)
redis.call('HSET', latest_key, 'revision', revision)
return { revision }
`,
})
