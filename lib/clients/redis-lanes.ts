/**
 * DESIGN. Several connections to one server, of which those after the first are made when they are needed. In a turn of
 * its event loop Redis reads 16 to 32 KB of a connection (PROTO_IOBUF_LEN in its server.h), and with
 * `appendfsync always` each turn ends with a sync of its disk. So of many creations at once on one connection some 27
 * share a sync, and the others wait for the next ones: more connections let all of them share it. Promised: a command is
 * on one connection only. Absent: an order of commands that do not wait for each other.
 */
import type { Watch } from "./breaker.ts"
import type { Argument, ScriptValue } from "./redis.ts"
import { connectNode, type RedisNode } from "./redis-node.ts"

/** What Redis surely reads of a connection in one turn. */
const TURN_BYTES = 16 * 1024
/** Some hundred creations in a sync: with more, the work of a turn takes longer than the sync. */
const LANES_MAX = 4
/** Of the protocol: a length and two line ends for each argument. */
const ARGUMENT_BYTES = 8

type Lane = { node: RedisNode; bytes: number }

/** Connects to one server. The first connection stands for all: the others are neither reported nor waited for. */
export function connectLanes(url: string, watch: Watch): RedisNode {
  const first = connectNode(url, watch)
  const lanes: Lane[] = [{ node: first, bytes: 0 }]

  /** Returns the first connection with room in its turn, or else the one with the least to do. */
  function choose(): Lane {
    let [least] = lanes as [Lane]
    for (const lane of lanes) {
      if (!lane.node.isReady()) continue
      if (lane.bytes < TURN_BYTES) return lane
      if (lane.bytes < least.bytes) least = lane
    }
    if (lanes.length < LANES_MAX && first.isReady()) lanes.push({ node: connectNode(url, () => undefined), bytes: 0 })
    return least
  }

  return {
    ...first,
    async evaluate(lua, keys, args, asking): Promise<ScriptValue[]> {
      const lane = choose()
      const bytes = bytesOf(keys) + bytesOf(args)
      lane.bytes += bytes
      try {
        return await lane.node.evaluate(lua, keys, args, asking)
      } finally {
        lane.bytes -= bytes
      }
    },
    async close() {
      await Promise.all(lanes.map(({ node }) => node.close()))
    },
  }
}

const bytesOf = (values: readonly Argument[]): number =>
  values.reduce<number>(
    (sum, value) => sum + ARGUMENT_BYTES + (typeof value === "string" ? value.length : ARGUMENT_BYTES),
    0,
  )
