import type { ScriptValue } from "../../clients/redis.ts"
import type { WriteEvent } from "../../events.ts"
import { defineScript } from "./define-script.ts"
import { PRELUDE, UNKNOWN_MOMENT } from "./prelude.ts"
import { judged, RATES } from "./rates.ts"

/**
 * `settled`: recovery is complete, so an absent entry is truly absent. `…Lives`: Redis alone vouches for it. `asOf`: the
 * moment of the read, as CHANGE compares it.
 */
export type Knowledge = { settled: boolean; applicationLives: boolean; chatLives: boolean; asOf: string }

const knowledge = ([settled, application, chat, asOf]: ScriptValue[]): Knowledge => ({
  settled: settled === 1,
  applicationLives: application === 1,
  chatLives: chat === 1,
  asOf: String(asOf),
})

/** Returns what `knowledge` reads, as Lua: the moment is the generation and the latest revision. */
const KNOWLEDGE = `
  local generation = text(state.generation)
  local known = { state.settled and 1 or 0, g[1] == generation and 1 or 0, g[2] == generation and 1 or 0,
    state.settled and generation .. ' ' .. text(state.revision) or '${UNKNOWN_MOMENT}' }`

const parse = (entry: ScriptValue): WriteEvent | null =>
  typeof entry === "string" ? (JSON.parse(entry) as WriteEvent) : null

const parseAll = (entries: ScriptValue | undefined): (WriteEvent | null)[] => (entries as ScriptValue[]).map(parse)

export const READ = defineScript("read", {
  keys: ["life", "outbox", "application", "...buckets"],
  args: ["seen", "chat", "quotas", "...fields"],
  returns: judged((reply) => ({ ...knowledge(reply), entries: parseAll(reply.slice(4)) })),
  lua: `
-- chat is '0' where absent.
${PRELUDE}${RATES}
return judged(quotas, buckets, 1, function()
  local state = life(life_key, tonumber(seen))
  local g = redis.call('HMGET', application_key, 'g', 'g' .. chat)${KNOWLEDGE}
  for i, entry in ipairs(redis.call('HMGET', outbox_key, unpack(fields))) do known[4 + i] = entry end
  return known
end)
`,
})

export const READ_PENDING = defineScript("read-pending", {
  keys: ["life", "outbox", "application", "pending", "...buckets"],
  args: ["seen", "chat", "min", "max", "order", "count", "prefix", "quotas", "...ancestors"],
  returns: judged((reply) => ({
    ...knowledge(reply),
    ancestors: parseAll(reply[4]),
    entries: parseAll(reply[5]).filter((entry) => entry !== null),
    lastNumber: Number(reply[6]),
  })),
  lua: `
-- chat is '0' where absent. min, max: scores as ZRANGEBYSCORE takes them; order: 'asc' or 'desc'; count: some thousands
-- at most, since Lua unpacks no more than 8,000. prefix and a member of pending_key make an event's field.
${PRELUDE}${RATES}
return judged(quotas, buckets, 1, function()
  local state = life(life_key, tonumber(seen))
  local g = redis.call('HMGET', application_key, 'g', 'g' .. chat, 'c' .. chat)${KNOWLEDGE}
  local parents, entries = {}, {}
  if #ancestors > 0 then parents = redis.call('HMGET', outbox_key, unpack(ancestors)) end
  local members
  if order == 'asc' then members = redis.call('ZRANGEBYSCORE', pending_key, min, max, 'LIMIT', 0, count)
  else members = redis.call('ZREVRANGEBYSCORE', pending_key, max, min, 'LIMIT', 0, count) end
  for i, member in ipairs(members) do members[i] = prefix .. member end
  if #members > 0 then entries = redis.call('HMGET', outbox_key, unpack(members)) end
  known[5], known[6], known[7] = parents, entries, g[3] or '0'
  return known
end)
`,
})
