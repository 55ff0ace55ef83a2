/**
 * What judges a request, for the scripts that a request runs first; it stands after the PRELUDE. What the quotas are, and
 * why they are judged there, is said in ../rates.ts.
 *
 * In microseconds, all of them whole: `each` is what one request takes of the window, `full` when the bucket is full again
 * (GCRA's theoretical arrival time). A request fits if the bucket would then be full within the window; if all quotas
 * have room for it, it counts towards each of them, else towards none.
 */
export const RATES = `
local window = 60000000

-- Runs if the request is within its quotas: '' for none, else how many requests a minute for each of the last KEYS.
-- What run returns then ends with 'seconds to wait, and for each quota what is left and the seconds until all of it is';
-- a refused request's answer is {'limited', that}.
local function judged(quotas, run)
  if quotas == '' then return run() end
  local now, limits, wait = now_us(), {}, 0
  for limit in quotas:gmatch('%d+') do limits[#limits + 1] = tonumber(limit) end
  local buckets = {}
  for i, limit in ipairs(limits) do
    local key = KEYS[#KEYS - #limits + i]
    local each = math.floor(window / limit)
    local full = math.max(tonumber(redis.call('GET', key) or '0'), now)
    -- A clock that was set back.
    if full > now + window then full = now end
    buckets[i] = { key = key, each = each, span = each * limit, full = full }
    wait = math.max(wait, full + each - now - each * limit)
  end
  local standing = { text(math.ceil(wait / 1000000)) }
  for _, bucket in ipairs(buckets) do
    if wait <= 0 then
      bucket.full = bucket.full + bucket.each
      redis.call('SET', bucket.key, text(bucket.full), 'PX', text(math.ceil((bucket.full - now) / 1000)))
    end
    standing[#standing + 1] = text(math.max(0, math.floor((now + bucket.span - bucket.full) / bucket.each)))
    standing[#standing + 1] = text(math.ceil((bucket.full - now) / 1000000))
  end
  local reply = { 'limited' }
  if wait <= 0 then reply = run() end
  reply[#reply + 1] = table.concat(standing, ' ')
  return reply
end
`
