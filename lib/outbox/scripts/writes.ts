import type { ScriptValue } from "../../clients/redis.ts"
import { LIMITS } from "../../limits.ts"
import { defineScript } from "./define-script.ts"
import { PRELUDE } from "./prelude.ts"
import { judged, RATES } from "./rates.ts"

/** A healthy persist function takes events off within a second or two; after this the relay sends them again. */
export const RELAY_AFTER_MS = 30_000
/** Longer than a verification of a parent, or the read before an update, can last. */
const DELETION_MARK_MS = 3_600_000
const IDEMPOTENCY_SECONDS = LIMITS.idempotencyHours * 3600

/**
 * `id` and `revision` are those of the first resource created; those of the others follow one by one. `held`: the events
 * must not be sent now (lib/write/settle.ts).
 */
export type CreationReply =
  | { status: "created" | "replayed"; id: string; revision: string; held: boolean }
  | { status: "mismatch" | "full" | "gone" | "unsettled" }
  | ({ status: "unverified" } & Unverified)
/** Generations: the present one, the latest that began with data missing, and those that verified the parents. */
export type Unverified = { generation: string; lost: number; applicationSeen: number; chatSeen: number }
export type ChangeReply =
  | { status: "changed"; revision: string; held: boolean }
  | { status: "gone" | "full" | "unsettled" | "moved" }

function creationReply([word, ...values]: ScriptValue[]): CreationReply {
  const status = word as CreationReply["status"]
  const [first = "", second = "", third, fourth] = values as string[]
  if (status === "created" || status === "replayed")
    return { status, id: first, revision: second, held: Number(third) === 1 }
  if (status !== "unverified") return { status }
  return { status, generation: first, lost: Number(second), applicationSeen: Number(third), chatSeen: Number(fourth) }
}

function changeReply([word, revision, held]: ScriptValue[]): ChangeReply {
  const status = word as ChangeReply["status"]
  return status === "changed" ? { status, revision: String(revision), held: held === 1 } : { status }
}

export const CREATE = defineScript("create", {
  flags: "",
  keys: ["life", "outbox", "due", "application", "pending", "changes", "deleted", "record", "...buckets"],
  args: ["seen", "kind", "application", "chat", "eventsMax", "bytesMax", "fingerprint", "quotas", "after", "...rests"],
  returns: judged(creationReply),
  lua: `
-- chat is '0' unless messages are created, after the revision that an application must exceed, and rests the events'
-- JSON from the state's members on: several only for messages. They get consecutive numbers and revisions, of which the
-- first are returned and recorded. Without an Idempotency-Key fingerprint is '', and record_key is unused.
${PRELUDE}${RATES}
return judged(quotas, buckets, #rests, function()
  local state = life(life_key, tonumber(seen))
  refuse_frozen(state.frozen)
  if not state.settled then return { 'unsettled' } end
  if fingerprint ~= '' then
    local record = redis.call('GET', record_key)
    if record then
      local recorded, revision, id = record:match('^(%S+) (%d+) (%S+)$')
      if recorded ~= fingerprint then return { 'mismatch' } end
      return { 'replayed', id, revision }
    end
  end
  local generation = text(state.generation)
  if kind ~= 'application' then
    local g = redis.call('HMGET', application_key, 'g', 'g' .. chat)
    if g[1] ~= generation or (kind == 'message' and g[2] ~= generation) then
      local fields = { application }
      if kind == 'message' then fields[2] = application .. '/' .. chat end
      if gone(outbox_key, deleted_key, fields) then return { 'gone' } end
      return { 'unverified', generation, text(state.lost), g[1] or '0', g[2] or '0' }
    end
  end
  local bytes = state.bytes
  for _, rest in ipairs(rests) do bytes = bytes + #rest end
  if redis.call('HLEN', outbox_key) + #rests > tonumber(events_max) then return { 'full' } end
  if bytes > tonumber(bytes_max) then return { 'full' } end
  local now = now_us()
  local revision = math.max(state.revision + 1, now)
  if kind == 'application' then
    local last = math.max(state.revision, tonumber(after))
    -- Lists of applications compare milliseconds only: with a clock set back, no two may share one.
    if now <= last then revision = (math.floor(last / 1000) + 1) * 1000 end
  end
  local first_id, first_revision = nil, text(revision)
  local due = text(math.floor(now / 1000) + ${RELAY_AFTER_MS})
  local number = kind == 'message' and redis.call('HINCRBY', application_key, 'c' .. chat, #rests) - #rests
  local entries, dues, places, changed = {}, {}, {}, {}
  bytes = state.bytes
  for i, rest in ipairs(rests) do
    local created = text(math.floor(revision / 1000))
    local id, field, entry, score
    if kind == 'application' then
      redis.call('HSET', application_key, 'g', generation, 'r', generation)
      id, field, score = application, application, created
      entry = event(text(revision), application, '0', '0', created, rest)
    elseif kind == 'chat' then
      id = text(redis.call('HINCRBY', application_key, 'chats', 1))
      redis.call('HSET', application_key, 'c' .. id, '0', 'g' .. id, generation)
      field, score = application .. '/' .. id, id
      entry = event(text(revision), application, id, '0', created, rest)
    else
      id = text(number + i)
      field, score = application .. '/' .. chat .. '/' .. id, id
      entry = event(text(revision), application, chat, id, created, rest)
    end
    entries[2 * i - 1], entries[2 * i] = field, entry
    dues[2 * i - 1], dues[2 * i] = due, field
    places[2 * i - 1], places[2 * i] = score, id
    changed[2 * i - 1], changed[2 * i] = text(revision), field
    first_id, bytes, revision = first_id or id, bytes + #entry, revision + 1
  end
  redis.call('HSET', outbox_key, unpack(entries))
  redis.call('ZADD', due_key, unpack(dues))
  redis.call('ZADD', pending_key, unpack(places))
  redis.call('ZADD', changes_key, unpack(changed))
  keep_unnoted(life_key, state)
  local last = text(revision - 1)
  redis.call('HSET', life_key, 'revision', last, 'noted', last, 'bytes', text(bytes))
  if fingerprint ~= '' then
    redis.call('SET', record_key, fingerprint .. ' ' .. first_revision .. ' ' .. first_id, 'EX', ${IDEMPOTENCY_SECONDS})
  end
  return { 'created', first_id, first_revision, is_held(state.held, now / 1000) and 1 or 0 }
end)
`,
})

export const CHANGE = defineScript("change", {
  flags: "",
  keys: ["life", "outbox", "due", "application", "pending", "changes", "deleted", "attempts", "dead"],
  args: [
    "seen",
    "application",
    "chat",
    "message",
    "createdAt",
    "revision",
    "rest",
    "eventsMax",
    "bytesMax",
    "over",
    "asOf",
  ],
  returns: changeReply,
  lua: `
-- chat and message are '0' where absent, revision is the one that was read, rest the event's JSON from the state's
-- members on, and over the revision that the outbox must have of the resource ('0': any, or none). as_of is the moment of
-- the read, since which nobody may have written the resource ('': it does not matter).
${PRELUDE}
local state = life(life_key, tonumber(seen))
refuse_frozen(state.frozen)
if not state.settled then return { 'unsettled' } end
local fields, field, member, score = { application }, application, application, created_at
if chat ~= '0' then field, member, score = field .. '/' .. chat, chat, chat fields[2] = field end
if message ~= '0' then field, member, score = field .. '/' .. message, message, message fields[3] = field end
if gone(outbox_key, deleted_key, fields) then return { 'gone' } end
local old = redis.call('HGET', outbox_key, field)
if over ~= '0' and not (old and old:match('^{"revision":"(%d+)"') == over) then return { 'gone' } end
if as_of ~= '' then
  local generation, last = as_of:match('^(%d+) (%d+)$')
  if generation ~= text(state.generation) then return { 'moved' } end
  -- A write since then is in the outbox, or has been taken off: then it, or something later than the read, was.
  local newest = old and tonumber(old:match('^{"revision":"(%d+)"'))
  if newest and newest > tonumber(revision) then return { 'moved' } end
  if not old and tonumber(redis.call('HGET', life_key, 'taken') or '0') > tonumber(last) then return { 'moved' } end
end
if not old and redis.call('HLEN', outbox_key) >= tonumber(events_max) then return { 'full' } end
if state.bytes + #rest - (old and #old or 0) > tonumber(bytes_max) then return { 'full' } end
local now = now_us()
-- An update is later than the creation by a millisecond, or it would be taken for it. A creation that is moved is none.
local earliest = over == '0' and (tonumber(created_at) + 1) * 1000 or 0
local accepted = text(math.max(state.revision + 1, tonumber(revision) + 1, now, earliest))
local entry = event(accepted, application, chat, message, created_at, rest)
redis.call('HSET', outbox_key, field, entry)
redis.call('ZADD', due_key, text(math.floor(now / 1000) + ${RELAY_AFTER_MS}), field)
redis.call('ZADD', pending_key, score, member)
redis.call('ZADD', changes_key, accepted, field)
redis.call('HDEL', attempts_key, field)
redis.call('HDEL', dead_key, field)
keep_unnoted(life_key, state)
redis.call('HSET', life_key, 'revision', accepted, 'noted', accepted,
  'bytes', text(state.bytes + #entry - (old and #old or 0)))
if is_tombstone(entry) then
  local ms = math.floor(now / 1000)
  local expired = redis.call('ZRANGEBYSCORE', deleted_key, '-inf', text(ms), 'LIMIT', 0, 16)
  if #expired > 0 then redis.call('ZREM', deleted_key, unpack(expired)) end
  redis.call('ZADD', deleted_key, text(ms + ${DELETION_MARK_MS}), field)
  if chat == '0' then redis.call('UNLINK', application_key)
  elseif message == '0' then redis.call('HDEL', application_key, 'c' .. chat, 'g' .. chat) end
end
return { 'changed', accepted, is_held(state.held, now / 1000) and 1 or 0 }
`,
})
