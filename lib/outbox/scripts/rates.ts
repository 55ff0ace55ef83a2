import type { ScriptValue } from "../../clients/redis.ts"
import { defineScript } from "./define-script.ts"
import { PRELUDE } from "./prelude.ts"

/** Tells a script how to judge a request; ../rates.ts explains it. The buckets are keys of the script. */
export type Judgement = {
  /** Requests per minute of each bucket; "" without buckets. */
  quotas: string
  buckets: string[]
  /** Notes how the quotas stand. Throws rate_limited if the request was refused. */
  note(standing: string): void
}
/**
 * Returns how a script judges a request that counts as `cost` of them; `isMore`: also if it was judged before. Throws if
 * the cost exceeds a whole quota.
 */
export type Judge = (shard: string, application: string, cost?: number, isMore?: boolean) => Judgement

export const UNJUDGED: Judgement = { quotas: "", buckets: [], note: () => undefined }

/** Returns a decoder that notes the quotas' standing before it decodes the reply. Throws rate_limited. */
export const judged =
  <Reply>(decode: (reply: ScriptValue[]) => Reply) =>
  ([standing, reply]: ScriptValue[]) =>
  ({ note }: Judgement): Reply => {
    note(String(standing))
    return decode(reply as ScriptValue[])
  }

/**
 * The Lua, after the PRELUDE, that judges a request, in whole microseconds: `each` is a request's share of the window,
 * `full` the time at which the bucket is full again (GCRA's theoretical arrival time). A request that counts as `cost`
 * of them fits if the bucket would then be full within the window. It counts towards all quotas if it fits all of them,
 * else towards none.
 */
export const RATES = `
local window = 60000000

-- Calls run if the request is within its quotas: '' for none, else the requests per minute for each of the keys.
-- Returns the standing ('seconds to wait, and for each what is left and the seconds until it is full') and, unless the
-- request is refused, what run returns.
local function judged(limits, keys, cost, run)
  if limits == '' then return { '', run() } end
  local now, judging, wait = now_us(), {}, 0
  for number in limits:gmatch('%d+') do
    local limit, key = tonumber(number), keys[#judging + 1]
    local each = math.floor(window / limit)
    local full = math.max(tonumber(redis.call('GET', key) or '0'), now)
    -- The clock was set back.
    if full > now + window then full = now end
    judging[#judging + 1] = { key = key, each = each, span = each * limit, full = full }
    wait = math.max(wait, full + each * cost - now - each * limit)
  end
  local standing = { text(math.ceil(wait / 1000000)) }
  for _, bucket in ipairs(judging) do
    if wait <= 0 then
      bucket.full = bucket.full + bucket.each * cost
      redis.call('SET', bucket.key, text(bucket.full), 'PX', text(math.ceil((bucket.full - now) / 1000)))
    end
    standing[#standing + 1] = text(math.max(0, math.floor((now + bucket.span - bucket.full) / bucket.each)))
    standing[#standing + 1] = text(math.ceil((bucket.full - now) / 1000000))
  end
  local told = table.concat(standing, ' ')
  if wait > 0 then return { told } end
  return { told, run() }
end
`

export const COUNT_MORE = defineScript("count-more", {
  keys: ["life", "...buckets"],
  args: ["quotas", "wanted"],
  returns: ([counted, standing]) => ({ counted: Number(counted), standing: String(standing) }),
  lua: `
-- Counts up to wanted requests, as many as fit. Returns how many, and the standing after them.
${PRELUDE}${RATES}
require_life(life_key)
local counted, told = 0, ''
while counted < tonumber(wanted) do
  local one = judged(quotas, buckets, 1, function() return true end)
  if not one[2] then break end
  counted, told = counted + 1, one[1]
end
return { counted, told }
`,
})
