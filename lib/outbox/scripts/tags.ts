/**
 * DESIGN. Releases before the tags of keys.ts gave a shard's keys its name alone as their hash tag. A shard is at its own
 * tag as soon as it has a life there; else at its former tag if it has a life there; else nowhere, since Redis is new or
 * was wiped. A shard that is nowhere begins at its own tag, but only once its former tag is *closed*: the life key there is
 * a string instead of a hash. All scripts that read a life, also those of earlier releases, then fail with WRONGTYPE before
 * they write, so that no number is given at both tags. A shard is never opened at its former tag again.
 *
 * Carrying a shard from its former tag (lib/operate/spread-shards.ts):
 * 1. FREEZE at the former one, which ends by itself unless renewed. It comes first, so that no attempt before can close the
 *    tag any more. Functions of an earlier release do not heed it.
 * 2. PREPARE at its own tag: an arriving life with the token of this attempt, without which nothing is written there.
 * 3. EXPORT and IMPORT all keys, the life last, as the arriving one.
 * 4. CLOSE the former tag, if it is still frozen by this attempt, nothing was written meanwhile, and the server still lives
 *    the same life. From here on the shard is at its own tag.
 * 5. TAKE the arriving life as the shard's. Whoever finds the closed tag and no life does this, too, should the command die.
 *
 * The shard goes on in its generation: nothing was written since the copy began, and the arriving life notes the life of
 * its server from before the first key arrived. So a restart of that server in between is noticed as any other is.
 *
 * `absent` names a key that does not exist: while Redis moves the slot key by key, it refuses a script with both.
 */
import type { ScriptValue } from "../../clients/redis.ts"
import { defineScript } from "./define-script.ts"
import { FREEZE_MS, PRELUDE } from "./prelude.ts"

export const FIND = defineScript("find", {
  keys: ["life", "arriving"],
  args: ["cancels"],
  returns: ([found]) => found === 1,
  lua: `
-- Returns whether the shard is at its own tag. If not, cancels is '1' to end an attempt to carry it here: the caller goes
-- on at the former tag, where a failover may have undone the closing.
if redis.call('HEXISTS', life_key, 'generation') == 1 then return 1 end
if cancels == '1' then redis.call('HDEL', arriving_key, 'token') end
return 0
`,
})

export const CLOSE_UNUSED = defineScript("close-unused", {
  keys: ["life"],
  args: [],
  returns: ([mark]) => (mark === "" ? undefined : String(mark)),
  lua: `
-- Closes a former tag that has no life. Returns the mark of a closed one, '' for one in use.
local generation = redis.pcall('HGET', life_key, 'generation')
if type(generation) == 'table' then return redis.call('GET', life_key) end
if generation then return '' end
redis.call('SET', life_key, 'closed')
return 'closed'
`,
})

export const TAKE = defineScript("take", {
  keys: ["life", "arriving"],
  args: ["mark"],
  returns: () => undefined,
  lua: `
-- Gives the shard a life at its own tag, unless it has one: the arriving life that belongs to the mark of the former tag,
-- else a new one, which has lost what there may have been.
${PRELUDE}
if redis.call('HEXISTS', life_key, 'generation') == 1 then return {} end
local token = redis.call('HGET', arriving_key, 'token')
if token and mark == 'moved ' .. token then
  local fields = redis.call('HGETALL', arriving_key)
  redis.call('HSET', life_key, unpack(fields))
  redis.call('HDEL', life_key, 'token', 'attempt')
else
  begin(life_key, read_state(life_key), true)
end
redis.call('UNLINK', arriving_key)
return {}
`,
})

export const PREPARE = defineScript("prepare", {
  keys: ["life", "arriving"],
  args: ["token", "attempt"],
  returns: ([prepared]) => prepared === 1,
  lua: `
-- attempt is its number, by which one that was held up before this step finds that a later one has begun.
${PRELUDE}
if redis.call('HEXISTS', life_key, 'generation') == 1 then return 0 end
if tonumber(redis.call('HGET', arriving_key, 'attempt') or '0') >= tonumber(attempt) then return 0 end
redis.call('UNLINK', arriving_key)
redis.call('HSET', arriving_key, 'token', token, 'attempt', attempt, 'life', present_life(),
  'run', server_info():match('run_id:(%w+)'))
return 1
`,
})

export const FREEZE = defineScript("freeze", {
  keys: ["life", "absent"],
  args: ["token", "renews"],
  returns: ([state, attempt]) => (state === undefined ? undefined : { state: String(state), attempt: String(attempt) }),
  lua: `
-- Returns what CLOSE compares: the server's life, and the state that each write changes; and the number of the attempt,
-- above all before. Returns nothing if another attempt has frozen the shard, or, if renews is '1', this one's freeze has
-- ended.
${PRELUDE}
if redis.call('EXISTS', absent_key) == 1 then return {} end
local state = life(life_key, 0)
local now = math.floor(now_us() / 1000)
local is_ours = state.frozen and state.frozen:match(' (.*)$') == token
if state.frozen and is_frozen(state.frozen, now) and not is_ours then return {} end
if renews == '1' and not (is_ours and is_frozen(state.frozen, now)) then return {} end
local attempt = tonumber(redis.call('HGET', life_key, 'attempt') or '0')
if renews ~= '1' then
  -- The time keeps it rising where a failover brings an earlier number back.
  attempt = math.max(attempt + 1, now_us())
  redis.call('HSET', life_key, 'attempt', text(attempt))
end
redis.call('HSET', life_key, 'frozen', text(now + ${FREEZE_MS}) .. ' ' .. token)
local s = redis.call('HMGET', life_key, 'generation', 'revision', 'bytes', 'taken', 'drained')
for i = 1, 5 do s[i] = s[i] or '' end
return { state.life .. ' ' .. table.concat(s, ' '), text(attempt) }
`,
})

export const THAW = defineScript("thaw", {
  keys: ["life"],
  args: ["token"],
  returns: () => undefined,
  lua: `
local frozen = redis.call('HGET', life_key, 'frozen')
if frozen and frozen:match(' (.*)$') == token then redis.call('HDEL', life_key, 'frozen') end
return {}
`,
})

/** What a key has: a part of it if there is more behind the cursor. `ms` is its time to live, -1 for ever. */
export type Exported = { kind: string; ms: number; cursor: string; values: string[] }

/** Fields or members per key and call: some hundred events are a megabyte or so. */
const EXPORT_COUNT = 250

export const EXPORT = defineScript("export", {
  flags: "no-writes,allow-oom",
  keys: ["...all"],
  args: ["cursor"],
  returns: (reply) =>
    (reply as ScriptValue[][]).map(([kind, ms, next, values]): Exported => {
      return { kind: String(kind), ms: Number(ms), cursor: String(next), values: (values as ScriptValue[]).map(String) }
    }),
  lua: `
-- Returns kind, time to live, next cursor ('0' at the end) and values of each; kind is 'none' for one that has expired.
local result = {}
for i, key in ipairs(all) do
  local kind = redis.call('TYPE', key).ok
  local part = { '0', {} }
  if kind == 'hash' then part = redis.call('HSCAN', key, cursor, 'COUNT', ${EXPORT_COUNT})
  elseif kind == 'zset' then part = redis.call('ZSCAN', key, cursor, 'COUNT', ${EXPORT_COUNT})
  elseif kind == 'string' then part = { '0', { redis.call('GET', key) } }
  elseif kind ~= 'none' then error({ err = 'ERR ' .. key .. ' is a ' .. kind }) end
  result[i] = { kind, redis.call('PTTL', key), part[1], part[2] }
end
return result
`,
})

/** Lua for a script that only the present attempt may run, and only before the shard is here. */
const OURS = `
if redis.call('HEXISTS', life_key, 'generation') == 1 or redis.call('HGET', arriving_key, 'token') ~= token then
  error({ err = 'TAKENOVER another attempt carries the shard' })
end
`

export const IMPORT = defineScript("import", {
  // At maxmemory a copy would have idempotency records evicted.
  flags: "",
  keys: ["life", "arriving", "...all"],
  args: ["token", "...parts"],
  returns: () => undefined,
  lua: `
-- parts has kind, time to live, number of values and values of each key.
${OURS}
local at = 1
for _, key in ipairs(all) do
  local kind, ms, count = parts[at], parts[at + 1], tonumber(parts[at + 2])
  local first, last = at + 3, at + 2 + count
  if kind == 'hash' then
    for i = first, last, 2 do redis.call('HSET', key, parts[i], parts[i + 1]) end
  elseif kind == 'zset' then
    for i = first, last, 2 do redis.call('ZADD', key, parts[i + 1], parts[i]) end
  elseif kind == 'string' then
    if ms == '-1' then redis.call('SET', key, parts[first])
    else redis.call('SET', key, parts[first], 'PX', math.max(1, tonumber(ms))) end
  end
  at = last + 1
end
return {}
`,
})

export const CLEAR = defineScript("clear", {
  keys: ["life", "arriving", "...all"],
  args: ["token"],
  returns: () => undefined,
  lua: `
-- Removes what an earlier attempt has left.
${OURS}
for _, key in ipairs(all) do redis.call('UNLINK', key) end
return {}
`,
})

export const CLOSE = defineScript("close", {
  keys: ["life", "absent"],
  args: ["token", "frozen"],
  returns: ([closed]) => closed === 1,
  lua: `
-- frozen is what FREEZE has returned. Returns 0 if that has changed, or the freeze has ended.
${PRELUDE}
if redis.call('EXISTS', absent_key) == 1 then return 0 end
local s = redis.call('HMGET', life_key, 'generation', 'revision', 'bytes', 'taken', 'drained', 'frozen')
if not s[6] or s[6]:match(' (.*)$') ~= token or not is_frozen(s[6], now_us() / 1000) then return 0 end
for i = 1, 5 do s[i] = s[i] or '' end
if present_life() .. ' ' .. table.concat(s, ' ', 1, 5) ~= frozen then return 0 end
redis.call('SET', life_key, 'moved ' .. token)
return 1
`,
})

export const SWEEP = defineScript("sweep", {
  keys: ["life", "...all"],
  args: [],
  returns: () => undefined,
  lua: `
-- Removes keys of the former tag of a shard that is at its own. A failover may have undone the closing.
if redis.call('TYPE', life_key).ok ~= 'string' then redis.call('SET', life_key, 'closed') end
for _, key in ipairs(all) do redis.call('UNLINK', key) end
return {}
`,
})
