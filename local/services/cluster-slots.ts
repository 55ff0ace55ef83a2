/** Moves slots from one master of a Redis Cluster to another, key by key or at once. */
import { setTimeout as sleep } from "node:timers/promises"
import type { NodeServer } from "./cluster-node.ts"
import { isRunning, owners, untilClaimsKnown } from "./cluster-view.ts"

/** The keys that redis-cli moves in one command. */
const KEYS_PER_BATCH = 10
/** For one command's keys on their way; a batch of large ones blocks both masters for as long as it takes. */
const MIGRATE_LIMIT_MS = 4_000
/** A slot's data is copied in the background; on a busy machine a gigabyte takes this long. */
const AT_ONCE_LIMIT_MS = 60_000
const AT_ONCE_POLL_MS = 20

export type MoveOptions = {
  /** The keys that are moved in one command. */
  keysPerBatch?: number
  /**
   * Called whenever the slot is between its two masters: first when it is open and all its keys are still at the source,
   * then after each batch, with the number of keys moved so far.
   */
  pauseBetween?: (moved: number) => Promise<void>
}

/**
 * Moves a slot as redis-cli does. The slot stays open between the two masters if something fails; the same call, made
 * again, goes on.
 */
export const moveSlot = async (
  slot: number,
  to: NodeServer,
  nodes: readonly NodeServer[],
  { keysPerBatch = KEYS_PER_BATCH, pauseBetween }: MoveOptions = {},
): Promise<void> => {
  const from = (await owners(nodes))(slot)
  if (from === to) return
  await to.use((redis) => redis.call("CLUSTER", "SETSLOT", slot, "IMPORTING", from.id))
  await from.use((redis) => redis.call("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id))
  await pauseBetween?.(0)
  for (let moved = 0; ; ) {
    const keys = await from.use(async (redis) => {
      const found = (await redis.call("CLUSTER", "GETKEYSINSLOT", slot, keysPerBatch)) as string[]
      if (found.length > 0) await redis.call("MIGRATE", "127.0.0.1", to.port, "", 0, MIGRATE_LIMIT_MS, "KEYS", ...found)
      return found
    })
    if (keys.length === 0) break
    moved += keys.length
    await pauseBetween?.(moved)
  }
  await untilClaimsKnown(nodes)
  // The target first: a slot without an owner would be worse than one with two, of which the later claim wins.
  const others = nodes.filter((node) => node !== to && node !== from && node.role === "master" && isRunning(node))
  for (const node of [to, from, ...others]) {
    await node.use((redis) => redis.call("CLUSTER", "SETSLOT", slot, "NODE", to.id))
  }
}

/** Returns slots as ranges: the first and last of each. */
const rangesOf = (slots: readonly number[]): [number, number][] => {
  const ranges: [number, number][] = []
  for (const slot of slots.toSorted((one, other) => one - other)) {
    const last = ranges.at(-1)
    if (last && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

type Migration = Record<string, unknown>

/** Returns the migrations that a master of Valkey 9 knows of. */
const migrationsOf = (node: NodeServer): Promise<Migration[]> =>
  node.use(async (redis) => {
    const entries = (await redis.call("CLUSTER", "GETSLOTMIGRATIONS")) as unknown[][]
    return entries.map((fields) =>
      Object.fromEntries(fields.flatMap((name, index) => (index % 2 === 0 ? [[`${name}`, fields[index + 1]]] : []))),
    )
  })

const untilMoved = async (from: NodeServer, earlier: ReadonlySet<unknown>): Promise<void> => {
  const limit = performance.now() + AT_ONCE_LIMIT_MS
  for (;;) {
    const own = (await migrationsOf(from)).filter(({ name }) => !earlier.has(name))
    const failed = own.find(({ state }) => state === "failed" || state === "cancelled")
    if (failed) throw new Error(`slots of ${from.name} were not moved: ${failed.state}: ${failed.message}`)
    if (own.length > 0 && own.every(({ state }) => state === "success")) return
    if (performance.now() > limit) throw new Error(`slots of ${from.name} were not moved in time`)
    await sleep(AT_ONCE_POLL_MS)
  }
}

/**
 * Moves slots by Valkey 9's CLUSTER MIGRATESLOTS, which hands them over as one, and waits until they are moved.
 * @throws Error when a migration has failed, or the server has no such command.
 */
export const moveSlotsAtOnce = async (
  slots: readonly number[],
  to: NodeServer,
  nodes: readonly NodeServer[],
): Promise<void> => {
  const ownerOf = await owners(nodes)
  for (const from of new Set(slots.map(ownerOf))) {
    if (from === to) continue
    const ranges = rangesOf(slots.filter((slot) => ownerOf(slot) === from))
    const earlier = new Set((await migrationsOf(from)).map(({ name }) => name))
    await from.use((redis) => redis.call("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", ...ranges.flat(), "NODE", to.id))
    await untilMoved(from, earlier)
  }
}
