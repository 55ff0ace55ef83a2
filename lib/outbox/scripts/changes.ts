/** The scripts that read changes; prelude.ts explains `noted` and `unnoted`. */
import type { ScriptValue } from "../../clients/redis.ts"
import type { WriteEvent } from "../../events.ts"
import { defineScript } from "./define-script.ts"
import { PRELUDE, REQUIRE_LIFE } from "./prelude.ts"
import { judged, RATES } from "./rates.ts"

/** What the outbox has of an application's changes in a range of revisions. */
export type PendingChanges = {
  generation: string
  /** Every write up to this revision is among `entries`, beyond `end`, or stored; nothing is known of later ones. */
  complete: number
  /** The time by Redis' clock in µs. */
  now: number
  /** What Redis alone knows of the chat that was asked for. */
  chat: "lives" | "gone" | "unknown"
  /** The revision of its delete, if that is pending. */
  chatDeletion: number | undefined
  /** The revision up to which `entries` is whole, if that is not `complete`. */
  end: number | undefined
  entries: WriteEvent[]
}

export type ChangesReply =
  | ({ status: "read" } & PendingChanges)
  | { status: "gone" | "unsettled" }
  /** Nobody has compared the shard's revision with MySQL's in this generation; `pending`: the outbox has the application. */
  | { status: "uncovered"; generation: string; pending: boolean }
  | { status: "unplaced"; revision: number }

function changesReply([word, ...values]: ScriptValue[]): ChangesReply {
  const status = word as ChangesReply["status"]
  if (status === "uncovered") return { status, generation: String(values[0]), pending: values[1] === 1 }
  if (status === "unplaced") return { status, revision: Number(values[0]) }
  if (status !== "read") return { status }
  const [generation, complete, now, chat, deletion, end, entries] = values
  const optional = (value: ScriptValue | undefined) => (value === "" ? undefined : Number(value))
  return {
    status,
    generation: String(generation),
    complete: Number(complete),
    now: Number(now),
    chat: chat as PendingChanges["chat"],
    chatDeletion: optional(deletion),
    end: optional(end),
    entries: (entries as string[]).map((entry) => JSON.parse(entry) as WriteEvent),
  }
}

/** Lua, after the PRELUDE: returns whether a field is of a message in a deleted chat. */
const BELOW_GONE = `
local below_gone = {}
local function is_below_gone(field)
  local parent = field:match('^([^/]+/%d+)/')
  if not parent then return false end
  if below_gone[parent] == nil then below_gone[parent] = gone(outbox_key, deleted_key, { parent }) end
  return below_gone[parent]
end
`

export const READ_CHANGES = defineScript("read-changes", {
  keys: ["life", "outbox", "application", "changes", "deleted", "...buckets"],
  args: ["seen", "application", "chat", "after", "placed", "count", "scan", "quotas"],
  returns: judged(changesReply),
  lua: `
-- chat is '0' for all of the application. placed is a revision up to which the caller has placed all entries, or '0'.
-- Returns up to count entries with greater revisions than after, of up to scan that it looks at. Members that an older
-- function left behind are removed, or put where their entry belongs. Messages below a deleted chat are left out.
${PRELUDE}${RATES}${BELOW_GONE}
return judged(quotas, buckets, 1, function()
  local state = life(life_key, tonumber(seen))
  local generation = text(state.generation)
  if gone(outbox_key, deleted_key, { application }) then return { 'gone' } end
  if not state.settled then return { 'unsettled' } end
  local marks = redis.call('HMGET', application_key, 'r', 'g' .. chat)
  if marks[1] ~= generation then return { 'uncovered', generation, redis.call('HEXISTS', outbox_key, application) } end
  local complete = state.revision
  if state.unnoted > tonumber(placed) then
    if placed == '0' then return { 'unplaced', text(complete) } end
    complete = math.min(complete, tonumber(placed))
  elseif state.unnoted > 0 then
    redis.call('HDEL', life_key, 'unnoted')
    redis.call('HSET', life_key, 'noted', text(state.revision))
  end

  local scope = application .. '/' .. chat
  local function is_asked(field) return chat == '0' or field == scope or field:sub(1, #scope + 1) == scope .. '/' end

  local entries, ending = {}, ''
  local scanned = redis.call('ZRANGEBYSCORE', changes_key, '(' .. after, text(complete), 'WITHSCORES', 'LIMIT', 0, scan)
  if #scanned == tonumber(scan) * 2 then ending = scanned[#scanned] end
  for i = 1, #scanned, 2 do
    local field, score = scanned[i], scanned[i + 1]
    if is_asked(field) then
      local entry = redis.call('HGET', outbox_key, field)
      local revision = entry and entry:match('^{"revision":"(%d+)"')
      if not revision then redis.call('ZREM', changes_key, field)
      else
        if tonumber(revision) ~= tonumber(score) then redis.call('ZADD', changes_key, revision, field) end
        if tonumber(revision) <= complete and not is_below_gone(field) then entries[#entries + 1] = entry end
      end
      if #entries == tonumber(count) then ending = score break end
    end
  end

  local known, deletion = 'unknown', ''
  if chat ~= '0' then
    local entry = redis.call('HGET', outbox_key, scope)
    if is_tombstone(entry) then deletion = entry:match('^{"revision":"(%d+)"') end
    if gone(outbox_key, deleted_key, { scope }) then known = 'gone'
    elseif entry or marks[2] == generation then known = 'lives' end
  end
  return { 'read', generation, text(complete), text(now_us()), known, deletion, ending, entries }
end)
`,
})

export const COVER = defineScript("cover", {
  keys: ["life", "outbox", "application", "deleted"],
  args: ["seen", "generation", "application", "stored"],
  // 'moved': unsettled, or another generation. 'behind': Redis has lost data, and a new generation began.
  returns: ([status]) => status as "covered" | "gone" | "moved" | "behind",
  lua: `
-- Raises the shard's revision to stored, the greatest that MySQL has of a living application. Revisions are no proof
-- of a loss if one was noted since the application was last verified.
${PRELUDE}
local state = life(life_key, tonumber(seen))
refuse_frozen(state.frozen)
if not state.settled or text(state.generation) ~= generation then return 'moved' end
if gone(outbox_key, deleted_key, { application }) then return 'gone' end
if tonumber(stored) > state.revision then
  local marks = redis.call('HMGET', application_key, 'g', 'r')
  if math.max(tonumber(marks[1] or '0'), tonumber(marks[2] or '0')) >= state.lost then
    begin(life_key, state, true)
    return 'behind'
  end
  keep_unnoted(life_key, state)
  redis.call('HSET', life_key, 'revision', stored, 'noted', stored)
end
redis.call('HSET', application_key, 'r', generation)
return 'covered'
`,
})

export const SCAN = defineScript("scan", {
  flags: "no-writes,allow-oom",
  keys: ["life", "outbox"],
  args: ["cursor", "count"],
  returns: ([next, fields]) => ({ next: String(next), fields: fields as string[] }),
  lua: `
-- Returns the next cursor ('0' at the end) and fields. What the outbox has throughout a scan is returned by it.
${REQUIRE_LIFE}
require_life(life_key)
local reply = redis.call('HSCAN', outbox_key, cursor, 'COUNT', count)
local found = {}
for i = 1, #reply[2], 2 do found[#found + 1] = reply[2][i] end
return { reply[1], found }
`,
})

export const PLACE = defineScript("place", {
  keys: ["life", "outbox", "...changes"],
  args: ["...fields"],
  returns: ([placed]) => Number(placed),
  lua: `
-- changes has a key for each field.
${REQUIRE_LIFE}
require_writable(life_key)
local placed = 0
for i, field in ipairs(fields) do
  local entry = redis.call('HGET', outbox_key, field)
  local revision = entry and entry:match('^{"revision":"(%d+)"')
  if revision then placed = placed + redis.call('ZADD', changes[i], revision, field) end
end
return placed
`,
})

export const PASS_OVER = defineScript("pass-over", {
  keys: ["life", "outbox", "deleted"],
  args: ["seen", "generation", "...writes"],
  returns: (passed) => passed.map((value) => value === 1),
  lua: `
-- writes has field and revision of each. Returns whether each is passed over, since the outbox has a later event of its
-- resource, or since its chat was deleted; nothing unless generation still holds.
${PRELUDE}${BELOW_GONE}
local state = life(life_key, tonumber(seen))
if not state.settled or text(state.generation) ~= generation then return {} end
local result = {}
for i = 1, #writes, 2 do
  local field = writes[i]
  local entry = redis.call('HGET', outbox_key, field)
  local later = entry and tonumber(entry:match('^{"revision":"(%d+)"')) > tonumber(writes[i + 1])
  result[#result + 1] = (later or is_below_gone(field)) and 1 or 0
end
return result
`,
})
