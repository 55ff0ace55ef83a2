// A Redis cluster of three masters: one that is lost, frozen or given other slots concerns its own shards only.
import { expect, test } from "@jest/globals"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { keyText } from "../../lib/events.ts"
import { lifeKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import {
  type ChatOn,
  consecutive,
  givenChatOnEach,
  keepCreating,
  lifeOf,
  onCluster,
  storedNumbers,
} from "../steps/cluster-writes.ts"
import { drainQueues } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { useCluster } from "../steps/own-cluster.ts"
import { useTestStores } from "../steps/stores.ts"
import { timed } from "../steps/timed.ts"

const REFUSED_WITHIN_MS = 2_000
/** Longer than a stall of a busy disk, which would else be taken for the loss of a master. */
const NODE_TIMEOUT_MS = 4_000
/** The longest pause of shards whose servers live; campaigns of faults hold it to three seconds. */
const OTHERS_BACK_WITHIN_MS = 10_000
const BACK_WITHIN_MS = 30_000
const TEST_LIMIT_MS = 180_000
/** Enough that some would surely be given to the lost third, if it were not left out. */
const NEW_APPLICATIONS = 30

const stores = useTestStores()
const cluster = useCluster({ masters: 3, nodeTimeoutMs: NODE_TIMEOUT_MS })
const api = chatApi(directTransport())

const isStored = async (own: SearchStores, token: string, numbers: number[]) =>
  expect(await storedNumbers(own, token)).toEqual(numbers)

test(
  "three masters: creations in all shards: are taken, listed and stored, and each master has its share",
  async () => {
    await onCluster(cluster(), async (own) => {
      const tokens = await Promise.all(Array.from({ length: 60 }, () => api.givenApplication()))
      const { data } = expectStatus(await api.call({ path: "/applications", query: { limit: 100 } }), 200)
      const listed = new Set(data.map(({ token }: { token: string }) => token))
      expect(tokens.filter((token) => !listed.has(token))).toEqual([])
      for (const token of tokens.slice(0, 10)) {
        const chat = await api.givenChat(token)
        expect(await api.givenMessage(token, chat)).toBe(1)
      }
      await drainQueues(own)
      const rows = await own.mysql.selectFrom("applications").select("token").where("token", "in", tokens).execute()
      expect(rows).toHaveLength(tokens.length)
      const ready = expectStatus(await api.call({ path: "/health/ready" }), 200)
      expect(ready.dependencies.redis.state).toBe("up")
      for (const node of cluster().nodes) {
        const asked = SHARDS.map(async (shard) =>
          (await cluster().ownerOf(slotOf(lifeKey(shard)))).id === node.id ? 1 : 0,
        )
        const owned = (await Promise.all(asked)).filter((one) => one === 1)
        expect(owned.length).toBeGreaterThan(0)
      }
    })
  },
  TEST_LIMIT_MS,
)

test(
  "a master that is killed and started again: its shards are 503 in time and go on without a gap; others hardly notice",
  async () => {
    await onCluster(cluster(), async (own) => {
      const [lost, ...others] = (await givenChatOnEach(cluster())) as [ChatOn]
      expect(await api.givenMessage(lost.token, lost.chat)).toBe(1)
      const before = await Promise.all((others as ChatOn[]).map(({ token }) => lifeOf(cluster(), token)))
      const creating = (others as ChatOn[]).map((one) => keepCreating(one))
      await cluster().kill(lost.node)
      const { answer, tookMs } = await timed(api.createMessage(lost.token, lost.chat))
      expectUnavailable(answer)
      expect(tookMs).toBeLessThan(REFUSED_WITHIN_MS)
      expectStatus(await api.call({ path: "/applications" }), 200)
      for (let i = 0; i < NEW_APPLICATIONS; i++) await api.givenApplication()
      expectStatus(await api.call({ path: "/health/ready" }), 503)
      await cluster().restart(lost.node)
      await eventually(
        async () => expect(expectStatus(await api.createMessage(lost.token, lost.chat), 201).number).toBe(2),
        BACK_WITHIN_MS,
      )
      const created = await Promise.all(creating.map((one) => one.stop()))
      for (const { numbers, longestMs } of created) {
        expect(numbers).toEqual(consecutive(numbers))
        expect(longestMs).toBeLessThan(OTHERS_BACK_WITHIN_MS)
      }
      const after = await Promise.all((others as ChatOn[]).map(({ token }) => lifeOf(cluster(), token)))
      expect(after.map(({ generation }) => generation)).toEqual(before.map(({ generation }) => generation))
      for (const [index, { token }] of (others as ChatOn[]).entries())
        await eventually(() => isStored(own, token, created[index]?.numbers ?? []), BACK_WITHIN_MS)
    })
  },
  TEST_LIMIT_MS,
)

test(
  "a slot that is moved under load, also to a new master: goes on without a gap, in the same generation",
  async () => {
    await onCluster(cluster(), async (own) => {
      const [moved, target] = await givenChatOnEach(cluster())
      if (!moved || !target) throw new Error("a cluster has several masters")
      const slot = slotOf(lifeKey(shardOf(moved.token)))
      const creating = keepCreating(moved)
      await eventually(() => expect(creating.numbers.length).toBeGreaterThan(5), BACK_WITHIN_MS)
      const { generation } = await lifeOf(cluster(), moved.token)
      for (const to of [target.node, moved.node, await cluster().addMaster()]) {
        await cluster().moveSlot(slot, to, { keysPerBatch: 2 })
        const since = creating.numbers.length
        await eventually(() => expect(creating.numbers.length).toBeGreaterThan(since + 5), BACK_WITHIN_MS)
        expect(await lifeOf(cluster(), moved.token)).toMatchObject({ generation, drained: "1" })
      }
      const { numbers, longestMs } = await creating.stop()
      expect(numbers).toEqual(consecutive(numbers))
      expect(longestMs).toBeLessThan(OTHERS_BACK_WITHIN_MS)
      await eventually(() => isStored(own, moved.token, numbers), BACK_WITHIN_MS)
    })
  },
  TEST_LIMIT_MS,
)

test("the slot of a key: is what the servers say", async () => {
  stores()
  const [node] = cluster().nodes
  for (const key of [...SHARDS.map(lifeKey), `{applications}:${keyText({ application: "a", chat: 0, message: 0 })}`])
    expect(slotOf(key)).toBe(await cluster().ask(node as ClusterNode, "CLUSTER", "KEYSLOT", key))
})
