/** The scripts of recovery: what a life of Redis, a generation and a verified parent are is said in writes.ts. */
import { PRELUDE, type Script } from "./writes.ts"

/** The state of a shard; begins a new generation if Redis began a new life. Can make the shard wait as if it had. */
export const OPEN: Script = {
  name: "open",
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 due
-- ARGV 1 seen 2 '1' to hold the shard's writes back until it is settled (again) 3 a generation in which it was seen not
--      to be: settled in that since, it stays so
-- returns {generation, settled 0|1 (before this call), 1 when stale events became due,
--         age of the generation in ms by a clock that may have been set since}
${PRELUDE}
local state = life(KEYS[1], tonumber(ARGV[1]))
local stale = 0
if ARGV[2] == '1' then
  if state.settled and text(state.generation) ~= ARGV[3] then redis.call('HSET', KEYS[1], 'drained', '0') end
  if redis.call('HGET', KEYS[1], 'stale') == 'unsent' then
    redis.call('HSET', KEYS[1], 'stale', 'sent')
    stale = redis.call('ZUNIONSTORE', KEYS[2], 1, KEYS[2], 'WEIGHTS', 0) > 0 and 1 or 0
  end
end
local age = text(math.max(0, math.floor((now_us() - state.generation) / 1000)))
return { text(state.generation), state.settled and 1 or 0, stale, age }
`,
}

/** Notes that the persist queue has been empty since `generation` began, and stale events have been taken off. */
export const SETTLE: Script = {
  name: "settle",
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 outbox 3 dead
-- ARGV 1 generation
-- returns 1 when that generation still holds and is settled
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'stale') == 1 then
  if redis.call('HLEN', KEYS[2]) > redis.call('HLEN', KEYS[3]) then return 0 end
  redis.call('HDEL', KEYS[1], 'stale')
end
redis.call('HSET', KEYS[1], 'drained', '1')
return 1
`,
}

/** Installs what MySQL knows of a parent, if the generation is still the one that was seen. */
export const VERIFY: Script = {
  name: "verify",
  lua: `#!lua flags=allow-oom
-- KEYS 1 life 2 outbox 3 application 4 deleted
-- ARGV 1 seen 2 generation 3 token 4 chat ('0': only the application) 5 highest chat number persisted
--      6 highest message number persisted 7 greatest revision persisted of the application 8 of the chat
--      9 the latest generation that one of them was fenced in
-- returns 'verified' | 'gone' | 'moved' (another generation) | 'behind' (Redis has lost data: a new generation began)
${PRELUDE}
local state = life(KEYS[1], tonumber(ARGV[1]))
if not state.settled or text(state.generation) ~= ARGV[2] then return 'moved' end
local token, chat = ARGV[3], ARGV[4]
local fields = { token }
if chat ~= '0' then fields[2] = token .. '/' .. chat end
if gone(KEYS[2], KEYS[4], fields) then return 'gone' end
-- A fence of a later generation: the clock was set back before Redis lost its data again, and this loss would pass for
-- an earlier one, whose fence is there.
if tonumber(ARGV[9]) > state.generation then
  state.generation = tonumber(ARGV[9])
  begin(KEYS[1], state, state.run, true)
  return 'behind'
end
local function verify(mark, counter, highest, revision)
  local h = redis.call('HMGET', KEYS[3], mark, counter)
  if h[1] == ARGV[2] then return true end
  local current = tonumber(h[2] or '0')
  local behind = highest > current or revision > state.revision
  if behind and tonumber(h[1] or '0') >= state.lost then return false end
  redis.call('HSET', KEYS[3], mark, ARGV[2], counter, text(math.max(current, highest)))
  return true
end
if not verify('g', 'chats', tonumber(ARGV[5]), tonumber(ARGV[7]))
  or (chat ~= '0' and not verify('g' .. chat, 'c' .. chat, tonumber(ARGV[6]), tonumber(ARGV[8]))) then
  begin(KEYS[1], state, state.run, true)
  return 'behind'
end
local revision = math.max(tonumber(ARGV[7]), tonumber(ARGV[8]))
if revision > state.revision then redis.call('HSET', KEYS[1], 'revision', text(revision)) end
return 'verified'
`,
}
