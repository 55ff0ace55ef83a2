/**
 * DESIGN. Finds the server that has a key: the only one, or the master of the key's slot in a cluster. Whether it is a
 * cluster is asked once, after the first call; until then a redirection tells. Every key of a script lies in one slot.
 * Each master has a connection of its own, so that one that hangs or is away concerns its own slots only.
 *
 * ioredis has a client for clusters. It is not used, since it queues commands for servers that are not connected, and
 * sends a script again when a connection closes before its reply came. Here a script is sent again only when a server
 * has refused it before it ran: MOVED, ASK, and TRYAGAIN while its slot is being moved.
 *
 * A slot that was moved is no loss of data. Its keys name the life of Redis that they were last used in; that they are
 * found in another one usually means a restart or a failover, which may have lost something. Nothing was lost if a
 * server still lives the former life as a master, has other slots and no longer claims this one, and if the present life
 * had begun while that server still claimed it. A failover takes all slots of a master, and begins a life.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { DependencyAway } from "../errors.ts"
import type { Watch } from "./breaker.ts"
import type { Argument, ScriptValue } from "./redis.ts"
import { createClusterMap } from "./redis-map.ts"
import { CALL_TIMEOUT_MS, type RedisNode } from "./redis-node.ts"
import { connectServers, hostOf, portOf } from "./redis-servers.ts"
import { hasSlot, selfOf, slotOf } from "./redis-topology.ts"

/** Two servers may each name the other for a moment; further redirections wait. */
const HOPS_AT_ONCE = 3
/** Delay before a script whose slot is being moved is sent again: a small slot is moved within milliseconds. */
const TRY_AGAIN_MS = 20
/** A slot's former master learns of the move a moment after the new one. */
const MOVE_MAX_MS = 1_000
const MOVE_POLL_MS = 50

type Redirection = { kind: "MOVED" | "ASK" | "TRYAGAIN"; address: string }

export function createCluster(url: string, watch: Watch) {
  const servers = connectServers(url, watch)
  const map = createClusterMap(servers, new URL(url).protocol === "rediss:")

  const nodeOf = (key: string): RedisNode | undefined => servers.find(map.addressOf(key))

  async function evaluate(lua: string, keys: string[], args: Argument[]): Promise<ScriptValue[]> {
    const [key = ""] = keys
    let deadline = performance.now() + CALL_TIMEOUT_MS
    let redirection: Redirection | undefined
    for (let hops = 1; ; hops++) {
      const address = redirection?.address || map.addressOf(key)
      const node = redirection?.address ? servers.at(redirection.address) : nodeOf(key)
      try {
        if (!node) throw new DependencyAway("redis", new Error("no server has the slot"))
        if (!node.isReady()) deadline += await timeOf(node.firstConnection())
        const reply = await node.evaluate(lua, keys, args, redirection?.kind === "ASK")
        map.noteAnswer()
        return reply
      } catch (error) {
        redirection = redirectionIn(error, address ?? servers.seed)
        map.noteFailure(key, redirection && { movedTo: redirection.kind === "MOVED" ? redirection.address : undefined })
        if (redirection === undefined || performance.now() >= deadline) throw error
        if (redirection.kind === "TRYAGAIN" || hops > HOPS_AT_ONCE) await sleep(TRY_AGAIN_MS)
      }
    }
  }

  async function hasMoved(key: string, from: string, to: string): Promise<boolean> {
    const slot = slotOf(key)
    const deadline = performance.now() + MOVE_MAX_MS
    do {
      const { views, sawBoth } = await map.lookAnew()
      const former = views.find(({ life }) => life === from)
      const self = former && selfOf(former)
      if (!self?.isMaster || self.slots.length === 0) return false
      if (!hasSlot(self, slot)) return sawBoth(slot, from, to)
      await sleep(MOVE_POLL_MS)
    } while (performance.now() < deadline)
    return false
  }

  return {
    evaluate,
    nodeOf,
    hasMoved,
    /** Returns the servers that have slots, or the only server. */
    masters: () => map.masters().flatMap((address) => servers.find(address) ?? []),
    async close() {
      map.close()
      await servers.close()
    },
  }
}

/** Returns how many milliseconds a wait took. */
async function timeOf(wait: Promise<void>): Promise<number> {
  const began = performance.now()
  await wait
  return performance.now() - began
}

/** Returns where a server that has refused a script says that it belongs; without a host, on another port of its own. */
function redirectionIn(error: unknown, from: string): Redirection | undefined {
  const text = error instanceof DependencyAway && error.cause instanceof Error ? error.cause.message : ""
  const [, kind, address = ""] = /^(MOVED|ASK) \d+ (\S+)/.exec(text) ?? /^(TRYAGAIN)/.exec(text) ?? []
  if (kind === undefined) return undefined
  const isPortAlone = address.startsWith(":") || address.startsWith("?:")
  return { kind: kind as Redirection["kind"], address: isPortAlone ? `${hostOf(from)}:${portOf(address)}` : address }
}
