// A Redis cluster of three masters with a replica each, which takes over from a master that is lost, frozen or told to.
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "@jest/globals"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
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

const TEST_LIMIT_MS = 300_000
/** Longer than a stall of a busy disk, which would else be taken for the loss of a master. */
const NODE_TIMEOUT_MS = 4_000
/** The longest pause of shards whose masters live; campaigns of faults hold it to three seconds. */
const OTHERS_PAUSE_MS = 10_000
/** From the promotion of a replica until its shards take writes. */
const BACK_WITHIN_MS = 30_000
/** An election takes some seconds more than the time-out, longer on a busy machine. */
const PROMOTED_WITHIN_MS = 45_000
const STORED_WITHIN_MS = 90_000
const RELAY_BUDGET_MS = 1_000
/** What a master that thaws still does by mistake, it does at once. */
const THAWED_MS = 1_000
/**
 * In parallel, so that some are under way at any moment. Shards come back once the queue is empty, which the only
 * consumer of a test, held up by the lost master, has filled meanwhile.
 */
const WRITERS = 2
const BOUND = 1_000

useTestStores()
const cluster = useCluster({ masters: 3, replicas: 1, nodeTimeoutMs: NODE_TIMEOUT_MS })
const api = chatApi(directTransport())

const replicaOf = (master: ClusterNode): ClusterNode => {
  const { nodes } = cluster()
  const at = nodes.indexOf(master)
  return nodes[(at + nodes.length / 2) % nodes.length] as ClusterNode
}

/** Waits until the replica of a master has the slot of an application, as another master sees it. */
const untilPromoted = (replica: ClusterNode, token: string) =>
  eventually(
    async () => expect((await cluster().ownerOf(slotOf(lifeKey(shardOf(token))))).name).toBe(replica.name),
    PROMOTED_WITHIN_MS,
  )

/** Expects that each number was given once, and that all are stored; of what was not answered, more may be. */
async function expectKept(own: SearchStores, { token }: ChatOn, numbers: number[]): Promise<void> {
  expect(new Set(numbers).size).toBe(numbers.length)
  await eventually(async () => {
    // On a busy machine some events are not sent in time, and left to the relay.
    await relay(own, RELAY_BUDGET_MS)
    const stored = new Set(await storedNumbers(own, token))
    expect(numbers.filter((number) => !stored.has(number))).toEqual([])
  }, STORED_WITHIN_MS)
}

/**
 * Writes to all masters' shards while `act` makes the replica of one the master. Expects that its shards are back in
 * time, that the others went on meanwhile and during `afterwards`, and that what was acknowledged is stored.
 */
async function whileWriting(
  own: SearchStores,
  chats: ChatOn[],
  lost: ChatOn,
  act: () => Promise<void>,
  afterwards: () => Promise<void> = async () => undefined,
) {
  const others = chats.filter((chat) => chat !== lost)
  const before = await Promise.all(others.map(({ token }) => lifeOf(cluster(), token)))
  const creatingOthers = others.map((chat) => keepCreating(chat, WRITERS))
  const creating = keepCreating(lost, WRITERS)
  await eventually(() => expect(creating.numbers.length).toBeGreaterThan(20), BACK_WITHIN_MS)
  try {
    await act()
    const had = creating.numbers.length
    await eventually(() => expect(creating.numbers.length).toBeGreaterThan(had), BACK_WITHIN_MS)
    await afterwards()
  } finally {
    await Promise.all([creating, ...creatingOthers].map((one) => one.stop()))
  }
  const ofOthers = await Promise.all(creatingOthers.map((one) => one.stop()))
  for (const { numbers, longestMs } of ofOthers) {
    expect(numbers).toEqual(consecutive(numbers))
    expect(longestMs).toBeLessThan(OTHERS_PAUSE_MS)
  }
  const after = await Promise.all(others.map(({ token }) => lifeOf(cluster(), token)))
  expect(after.map(({ generation }) => generation)).toEqual(before.map(({ generation }) => generation))
  for (const [index, chat] of others.entries()) await expectKept(own, chat, ofOthers[index]?.numbers ?? [])
  await expectKept(own, lost, (await creating.stop()).numbers)
}

test(
  "a master is killed: its shards come back with its replica, without a number twice; others go on",
  async () => {
    await onCluster(cluster(), async (own) => {
      const chats = await givenChatOnEach(cluster())
      const [lost] = chats as [ChatOn]
      await whileWriting(own, chats, lost, async () => {
        await cluster().kill(lost.node)
        await untilPromoted(replicaOf(lost.node), lost.token)
      })
      await cluster().restart(lost.node)
      await cluster().waitUntilHealthy()
    })
  },
  TEST_LIMIT_MS,
)

test(
  "a master is frozen for some seconds: its shards come back with its replica; others go on, also when it thaws",
  async () => {
    await onCluster(cluster(), async (own) => {
      const chats = await givenChatOnEach(cluster())
      const lost = chats[1] as ChatOn
      const freeze = async () => {
        cluster().freeze(lost.node)
        await untilPromoted(replicaOf(lost.node), lost.token)
      }
      await whileWriting(own, chats, lost, freeze, async () => {
        cluster().thaw(lost.node)
        await cluster().waitUntilHealthy()
        await sleep(THAWED_MS)
      })
    })
  },
  TEST_LIMIT_MS,
)

test(
  "a replica takes over with its master's consent, and gives back: numbers go on without a gap; others go on",
  async () => {
    await onCluster(cluster(), async (own) => {
      const chats = await givenChatOnEach(cluster())
      const moved = chats[2] as ChatOn
      const { generation } = await lifeOf(cluster(), moved.token)
      await whileWriting(own, chats, moved, () => cluster().failover(replicaOf(moved.node)))
      await whileWriting(own, chats, moved, () => cluster().failover(moved.node))
      expect(Number((await lifeOf(cluster(), moved.token)).generation)).toBeGreaterThan(Number(generation))
      // A write that was not answered in time has a number, too, and its event may be left to the relay.
      await eventually(async () => {
        await relay(own, RELAY_BUDGET_MS)
        await drainQueues(own)
        const numbers = await storedNumbers(own, moved.token)
        expect(numbers).toEqual(consecutive(numbers))
      }, STORED_WITHIN_MS)
    })
  },
  TEST_LIMIT_MS,
)

/** Cuts a replica off from its master, which goes on to serve clients. */
const cutOff = async (master: ClusterNode) => {
  await cluster().ask(master, "ACL", "SETUSER", "default", "-psync", "-sync")
  await cluster().ask(master, "CLIENT", "KILL", "TYPE", "replica")
}

test(
  "a master that comes back after its replica has lost its last writes: is not taken for what it was, though its process is",
  async () => {
    const bound = { OUTBOX_EVENTS_MAX: `${BOUND}` }
    let lost: ChatOn | undefined
    await onCluster(
      cluster(),
      async (own) => {
        lost = (await givenChatOnEach(cluster())).at(-1) as ChatOn
        expect(await api.givenMessage(lost.token, lost.chat)).toBe(1)
        expect(await cluster().ask(lost.node, "WAIT", 1, 5_000)).toBe(1)
        await cutOff(lost.node)
        expect(await api.givenMessage(lost.token, lost.chat)).toBe(2)
        await eventually(
          async () => expect(await storedNumbers(own, lost?.token ?? "")).toEqual([1, 2]),
          STORED_WITHIN_MS,
        )
      },
      bound,
    )
    const { token, chat, node } = lost as unknown as ChatOn
    const run = await cluster().ask(node, "INFO", "server")
    await cluster().failover(replicaOf(node), { isForced: true })
    await cluster().ask(node, "ACL", "SETUSER", "default", "+psync", "+sync")
    await cluster().waitUntilHealthy()
    await cluster().failover(node)
    const runId = /run_id:\w+/
    expect(runId.exec(`${await cluster().ask(node, "INFO", "server")}`)?.[0]).toBe(runId.exec(`${run}`)?.[0])
    // A process that knows nothing of the number 2.
    await onCluster(
      cluster(),
      async () => {
        const created = await eventually(
          async () => expectStatus(await api.createMessage(token, chat, { body: "after" }), 201),
          BACK_WITHIN_MS,
        )
        expect(created.number).toBe(2 + BOUND + 1)
      },
      bound,
    )
  },
  TEST_LIMIT_MS,
)
