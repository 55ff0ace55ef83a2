// Writes to the shards of each master of a cluster, and what has become of them.
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "@jest/globals"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { settleShards } from "../../lib/write/settle.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import type { RedisCluster } from "../../local/services/redis-cluster.ts"
import { expectUnavailable } from "./away-cases.ts"
import { chatApi, directTransport } from "./chat-api.ts"
import { whileConsuming } from "./drain.ts"
import { eventually } from "./eventually.ts"
import { withEnvironment } from "./stores.ts"

const SETTLED_WITHIN_MS = 30_000
const MASTERS = 3
/**
 * After each write: those of a fast machine would outrun the only consumer of a test, and a shard settles only once the
 * queue is empty. Refusals without any wait would leave no time for connections.
 */
const PAUSE_MS = 20

const api = chatApi(directTransport())

export type ChatOn = { token: string; chat: number; node: ClusterNode }

/** Runs `act` with handlers on the cluster and with consumers, once all its shards take writes. */
export const onCluster = (
  cluster: RedisCluster,
  act: (own: SearchStores) => Promise<void>,
  environment: Record<string, string> = {},
): Promise<void> =>
  withEnvironment({ REDIS_URL: cluster.url, ...environment }, (own) =>
    whileConsuming(own, async () => {
      await eventually(async () => expect(await settleShards(own)).toBe(true), SETTLED_WITHIN_MS)
      await act(own)
    }),
  )

/** Returns the master of an application's shard. */
const masterOf = (cluster: RedisCluster, token: string): Promise<ClusterNode> =>
  cluster.ownerOf(slotOf(lifeKey(shardOf(token))))

/** Returns what the scripts keep of the life of an application's shard. */
export async function lifeOf(cluster: RedisCluster, token: string): Promise<Record<string, string>> {
  const node = await masterOf(cluster, token)
  const fields = (await cluster.ask(node, "HGETALL", lifeKey(shardOf(token)))) as string[]
  return Object.fromEntries(fields.flatMap((name, at) => (at % 2 ? [] : [[name, fields[at + 1] ?? ""]])))
}

/** Returns a chat in an application of each of three masters, in the order of the nodes. */
export async function givenChatOnEach(cluster: RedisCluster): Promise<ChatOn[]> {
  const found = new Map<string, string>()
  while (found.size < MASTERS) {
    const token = await api.givenApplication()
    found.set((await masterOf(cluster, token)).id, token)
  }
  const nodes = cluster.nodes.filter(({ id }) => found.has(id))
  return Promise.all(
    nodes.map(async (node) => {
      const token = found.get(node.id) as string
      return { token, chat: await api.givenChat(token), node }
    }),
  )
}

/** Creates messages until stopped, each of the writers one after another. Returns their numbers, and the longest time without one. */
export function keepCreating({ token, chat }: Pick<ChatOn, "token" | "chat">, writers = 1) {
  let stopped = false
  const numbers: number[] = []
  let longestMs = 0
  let last = performance.now()
  const create = async () => {
    while (!stopped) {
      const answer = await api.createMessage(token, chat, { body: "on and on" })
      if (answer.status === 201) {
        numbers.push(answer.body.number)
        longestMs = Math.max(longestMs, performance.now() - last)
        last = performance.now()
      } else expectUnavailable(answer)
      await sleep(PAUSE_MS)
    }
  }
  const running = Promise.all(Array.from({ length: writers }, create))
  return {
    numbers,
    async stop() {
      if (!stopped) longestMs = Math.max(longestMs, performance.now() - last)
      stopped = true
      await running
      return { numbers: numbers.toSorted((a, b) => a - b), longestMs }
    },
  }
}

export const consecutive = (numbers: number[]): number[] => numbers.map((_, index) => (numbers[0] ?? 0) + index)

/** Returns the numbers of an application's messages that are stored. */
export async function storedNumbers({ mysql }: SearchStores, token: string): Promise<number[]> {
  const rows = await mysql.selectFrom("messages").select("number").where("application", "=", token).execute()
  return rows.map(({ number }) => number).sort((a, b) => a - b)
}
