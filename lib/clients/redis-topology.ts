/** What the servers of a Redis cluster say of themselves and of each other. */
import type { ScriptValue } from "./redis.ts"

/** The number of slots, which the protocol fixes. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
const SLOTS = 16_384
/** More than a cluster has masters in a day; of lives that ended longer ago nothing need be known. */
const LIVES_MAX = 256

const CRC_POLYNOMIAL = 0x1021

type Range = readonly [first: number, last: number]
export type Member = { id: string; address: string; isMaster: boolean; slots: Range[] }
/** What a server answered at once: its life, its own id, and the members that it knows. */
export type View = { life: string; id: string; members: Member[]; askedAt: number; answeredAt: number }

const SLOT_OF_TAG = new Map<string, number>()

/** Returns the slot of a key with a hash tag: the tag's CRC16 (XMODEM) modulo the number of slots. */
export function slotOf(key: string): number {
  const tag = key.slice(key.indexOf("{") + 1, key.indexOf("}"))
  const known = SLOT_OF_TAG.get(tag)
  if (known !== undefined) return known
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ ((crc >> 15) * CRC_POLYNOMIAL)) & 0xffff
  }
  const slot = crc % SLOTS
  SLOT_OF_TAG.set(tag, slot)
  return slot
}

const fieldsOf = (list: ScriptValue[]): Map<string, ScriptValue> =>
  new Map(list.flatMap((name, at): [string, ScriptValue][] => (at % 2 ? [] : [[String(name), list[at + 1] ?? null]])))

/**
 * Returns the members in a reply of CLUSTER SHARDS. `host` is the server asked, for one that does not know its own. A
 * server may have a port for each of TLS and plain text.
 */
export function readShards(reply: ScriptValue[], host: string, isTls: boolean): Member[] {
  return reply.flatMap((shard) => {
    const { slots, nodes } = Object.fromEntries(fieldsOf(shard as ScriptValue[])) as Record<string, ScriptValue[]>
    const ranges = rangesOf((slots ?? []).map(Number))
    return (nodes ?? []).map((node): Member => {
      const fields = fieldsOf(node as ScriptValue[])
      const endpoint = String(fields.get("endpoint") ?? "")
      const port = fields.get(isTls ? "tls-port" : "port") ?? fields.get(isTls ? "port" : "tls-port")
      const isMaster = fields.get("role") === "master"
      const known = endpoint !== "" && endpoint !== "?"
      return {
        id: String(fields.get("id")),
        address: `${known ? endpoint : host}:${port}`,
        isMaster,
        slots: isMaster ? ranges : [],
      }
    })
  })
}

const rangesOf = (bounds: number[]): Range[] =>
  bounds.flatMap((first, at): Range[] => (at % 2 ? [] : [[first, bounds[at + 1] ?? first]]))

export const hasSlot = ({ slots }: Member, slot: number): boolean =>
  slots.some(([first, last]) => first <= slot && slot <= last)

/** Returns a server's own entry: only a server itself surely knows what it has. */
export const selfOf = ({ id, members }: View): Member | undefined => members.find((member) => member.id === id)

/**
 * Returns the address of each slot's master: the one that claims the slot, else the one that others name. A master that
 * was away claims its slots until it hears of its successor, though only it still counts itself among the owners.
 */
export function routesOf(views: View[]): (string | undefined)[] {
  const routes: (string | undefined)[] = Array.from({ length: SLOTS })
  const place = ({ address, slots }: Member) => {
    for (const [first, last] of slots) routes.fill(address, first, last + 1)
  }
  for (const { members } of views) members.forEach(place)
  const owners = views.flatMap(({ members }) => members.filter(({ slots }) => slots.length > 0).map(({ id }) => id))
  const namings = ({ id }: Member) => owners.filter((owner) => owner === id).length
  const claims = views.flatMap((view) => selfOf(view) ?? [])
  claims.sort((one, other) => namings(one) - namings(other)).forEach(place)
  return routes
}

/**
 * Remembers since when each server is known to live its present life, and when each last claimed each slot. From this
 * follows that a server lived the life already while a slot was still another's, so that it has neither restarted nor
 * been promoted since it took the slot over.
 */
export function createWitness() {
  const lives = new Map<string, { aliveAt: number; claimedAt: Float64Array }>()
  return {
    /** Returns whether the life is new to it. */
    note(view: View): boolean {
      const isNew = !lives.has(view.life)
      const life = lives.get(view.life) ?? { aliveAt: view.answeredAt, claimedAt: new Float64Array(SLOTS) }
      // Those that go on come after those that have ended.
      lives.delete(view.life)
      lives.set(view.life, life)
      for (const [first, last] of selfOf(view)?.slots ?? []) life.claimedAt.fill(view.askedAt, first, last + 1)
      const [oldest] = lives.keys()
      if (lives.size > LIVES_MAX && oldest !== undefined) lives.delete(oldest)
      return isNew
    },
    /** Returns whether the life `to` had begun while a server in the life `from` still had the slot. */
    sawBoth(slot: number, from: string, to: string): boolean {
      const claimedAt = lives.get(from)?.claimedAt[slot] ?? 0
      return claimedAt >= (lives.get(to)?.aliveAt ?? Number.POSITIVE_INFINITY)
    },
  }
}
