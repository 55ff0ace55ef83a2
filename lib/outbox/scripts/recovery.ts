/** The scripts of recovery; prelude.ts explains lives, generations and verified parents. */
import { defineScript } from "./define-script.ts"
import { HOLD_MAX_MS, HOLD_MS, LIFE, PRELUDE, REQUIRE_LIFE } from "./prelude.ts"
import { RELAY_AFTER_MS } from "./writes.ts"

/** Returns a shard's state, and begins a new generation in a new life of Redis. Can hold a settled shard's events back. */
export const OPEN = defineScript("open", {
  keys: ["life", "due"],
  args: ["seen", "hold"],
  returns: ([generation, settled, stale, age, holds]) => ({
    generation: String(generation),
    settled: settled === 1,
    stale: stale === 1,
    ageMs: Number(age),
    /** Events may have been held back, and nobody has sent them since. */
    holds: holds === 1,
  }),
  lua: `
-- hold is '1' to keep a settled shard's events in the outbox for a while, and to make an unsettled one's stale events due.
${PRELUDE}
local state = life(life_key, tonumber(seen))
local stale = 0
if hold == '1' then
  refuse_frozen(state.frozen)
  local now = now_us() / 1000
  if state.settled then
    local from = tonumber(redis.call('HGET', life_key, 'held_from') or '0')
    if from > now or now > from + ${2 * HOLD_MAX_MS} then from = now end
    if now < from + ${HOLD_MAX_MS} then
      redis.call('HSET', life_key, 'held_from', text(from), 'held', text(math.min(now + ${HOLD_MS}, from + ${HOLD_MAX_MS})))
    end
  elseif redis.call('HGET', life_key, 'stale') == 'unsent' then
    redis.call('HSET', life_key, 'stale', 'sent')
    stale = redis.call('ZUNIONSTORE', due_key, 1, due_key, 'WEIGHTS', 0) > 0 and 1 or 0
  end
end
local age = text(math.max(0, math.floor((now_us() - state.generation) / 1000)))
return { text(state.generation), state.settled and 1 or 0, stale, age, redis.call('HEXISTS', life_key, 'held_from') }
`,
})

/** Events per call: some milliseconds of Redis' time. */
export const RELEASE_COUNT = 1_000

export const RELEASE = defineScript("release", {
  keys: ["life", "due"],
  args: [],
  returns: ([released]) => Number(released),
  lua: `
-- Ends the holding back, and makes what was accepted meanwhile due: ${RELEASE_COUNT} events at most, the rest with the
-- next call.
${REQUIRE_LIFE}
require_writable(life_key)
local from = redis.call('HGET', life_key, 'held_from')
if not from then return { 0 } end
redis.call('HDEL', life_key, 'held')
local least = string.format('%.0f', tonumber(from) + ${RELAY_AFTER_MS})
local fields = redis.call('ZRANGEBYSCORE', due_key, least, '+inf', 'LIMIT', 0, ${RELEASE_COUNT})
for _, field in ipairs(fields) do redis.call('ZADD', due_key, 'XX', 0, field) end
if #fields < ${RELEASE_COUNT} then redis.call('HDEL', life_key, 'held_from') end
return { #fields }
`,
})

export const ENTER = defineScript("enter-life", {
  keys: ["life"],
  args: ["from", "to", "moved"],
  returns: () => undefined,
  lua: `
-- Notes that a shard last used in the life from is used in the life to: moved there without loss (moved is '1'), or in a
-- new generation. Does nothing if another process has done so, or the shard is elsewhere by now.
${PRELUDE}
if present_life() ~= to or redis.call('HGET', life_key, 'life') ~= from then return {} end
redis.call('HSET', life_key, 'life', to, 'run', server_info():match('run_id:(%w+)'))
if moved ~= '1' then begin(life_key, life(life_key, 0), false) end
return {}
`,
})

export type Readiness = "settled" | "unsettled" | "stale" | "full"

/**
 * Says without writing what a creation would meet: unsettled if it would wait for an empty queue, stale if for events
 * that an older copy of Redis brought back. Redis refuses the script wherever it refuses writes: a replica, at
 * `maxmemory`, after an error of its disk, without enough replicas, while clients' writes are paused.
 */
export const TRY = defineScript("try", {
  flags: "none",
  keys: ["life", "outbox", "dead"],
  args: ["seen", "eventsMax", "bytesMax"],
  returns: ([readiness]) => readiness as Readiness,
  lua: `
${LIFE}${REQUIRE_LIFE}
require_life(life_key)
local present = present_life()
local s = redis.call('HMGET', life_key, 'life', 'generation', 'drained', 'revision', 'stale', 'bytes', 'run')
local is_same = is_same_life(s[1], s[7], present)
if s[1] and not is_same then refuse_other_life(s[1], present) end
local events = redis.call('HLEN', outbox_key)
local lost = tonumber(s[4] or '0') < tonumber(seen)
if lost or not is_same or s[3] ~= '1' then
  return (lost or s[5]) and events > redis.call('HLEN', dead_key) and 'stale' or 'unsettled'
end
return (events >= tonumber(events_max) or tonumber(s[6] or '0') >= tonumber(bytes_max)) and 'full' or 'settled'
`,
})

export const SETTLE = defineScript("settle", {
  keys: ["life", "outbox", "dead"],
  args: ["generation"],
  returns: ([settled]) => settled === 1,
  lua: `${REQUIRE_LIFE}
require_writable(life_key)
if redis.call('HGET', life_key, 'generation') ~= generation then return 0 end
if redis.call('HEXISTS', life_key, 'stale') == 1 then
  if redis.call('HLEN', outbox_key) > redis.call('HLEN', dead_key) then return 0 end
  redis.call('HDEL', life_key, 'stale')
end
redis.call('HSET', life_key, 'drained', '1')
return 1
`,
})

export const VERIFY = defineScript("verify", {
  keys: ["life", "outbox", "application", "deleted"],
  args: [
    "seen",
    "generation",
    "application",
    "chat",
    "chatsHighest",
    "messagesHighest",
    "applicationRevision",
    "chatRevision",
    "fenced",
  ],
  // 'moved': unsettled, or another generation. 'behind': Redis has lost data, and a new generation began.
  returns: ([status]) => status as "verified" | "gone" | "moved" | "behind",
  lua: `
-- chat is '0' if only the application is verified; fenced is the later of the generations of their last fences.
${PRELUDE}
local state = life(life_key, tonumber(seen))
refuse_frozen(state.frozen)
if not state.settled or text(state.generation) ~= generation then return 'moved' end
local fields = { application }
if chat ~= '0' then fields[2] = application .. '/' .. chat end
if gone(outbox_key, deleted_key, fields) then return 'gone' end
-- A fence of a later generation: the clock was set back before Redis lost data again, and this loss would pass for an
-- earlier one that has a fence.
if tonumber(fenced) > state.generation then
  state.generation = tonumber(fenced)
  begin(life_key, state, true)
  return 'behind'
end
local function verify(mark, counter, highest, revision)
  local h = redis.call('HMGET', application_key, mark, counter)
  if h[1] == generation then return true end
  local current = tonumber(h[2] or '0')
  local behind = highest > current or revision > state.revision
  if behind and tonumber(h[1] or '0') >= state.lost then return false end
  redis.call('HSET', application_key, mark, generation, counter, text(math.max(current, highest)))
  return true
end
if not verify('g', 'chats', tonumber(chats_highest), tonumber(application_revision))
  or (chat ~= '0' and not verify('g' .. chat, 'c' .. chat, tonumber(messages_highest), tonumber(chat_revision))) then
  begin(life_key, state, true)
  return 'behind'
end
local revision = math.max(tonumber(application_revision), tonumber(chat_revision))
if revision > state.revision then
  keep_unnoted(life_key, state)
  redis.call('HSET', life_key, 'revision', text(revision), 'noted', text(revision))
end
redis.call('HSET', application_key, 'r', generation)
return 'verified'
`,
})
