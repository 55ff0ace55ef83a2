// How the servers of a cluster are reached: by the names that it announces, and by TLS with a private authority.
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { connectRedis } from "../../lib/clients/redis.ts"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { DependencyAway } from "../../lib/errors.ts"
import { log } from "../../lib/log.ts"
import { lifeKey, SHARDS } from "../../lib/outbox/keys.ts"
import { settleShards } from "../../lib/write/settle.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import type { RedisCluster } from "../../local/services/redis-cluster.ts"
import { ROOT } from "../../local/services/settings.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { useCluster } from "../steps/own-cluster.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"

const TEST_LIMIT_MS = 90_000
const COMMAND_LIMIT_MS = 40_000
const SETTLED_WITHIN_MS = 20_000
const CREATIONS = 40

useTestStores()
const api = chatApi(directTransport())
jest.setTimeout(TEST_LIMIT_MS)
afterEach(() => void jest.restoreAllMocks())

/** Returns the URL of a server by its name. */
const byName = (cluster: RedisCluster, index = 0): string => {
  const { url } = cluster.nodes[index] ?? cluster
  return url.replace("127.0.0.1", "localhost")
}

/** Creates applications in all servers' shards. */
async function expectTaken(url: string): Promise<void> {
  await withEnvironment({ REDIS_URL: url }, async (own) => {
    await whileConsuming(own, () =>
      eventually(async () => expect(await settleShards(own)).toBe(true), SETTLED_WITHIN_MS),
    )
    const answers = await Promise.all(Array.from({ length: CREATIONS }, () => api.createApplication()))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    expect(expectStatus(await api.call({ path: "/health/ready" }), 200).dependencies.redis.state).toBe("up")
  })
}

/** Returns the reason that a call of the server with this URL fails for. */
async function reasonAt(url: string): Promise<{ code?: string; message: string }> {
  const redis = connectRedis(url, () => {})
  try {
    const error = await redis.describe([]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DependencyAway)
    return (error as DependencyAway).cause as Error
  } finally {
    await redis.close()
  }
}

/** Lets this process trust the authority of a cluster in the tests of a describe, as NODE_EXTRA_CA_CERTS would. */
function useTrustIn(cluster: () => RedisCluster): void {
  const before = getCACertificates()
  beforeAll(() => setDefaultCACertificates([...before, cluster().authority as string]))
  afterAll(() => setDefaultCACertificates(before))
}

const status = (changes: Record<string, string>) =>
  runNode(["local/ops.ts", "status", "--json"], {
    cwd: ROOT,
    env: childEnvironment(changes),
    limitMs: COMMAND_LIMIT_MS,
  })

describe("a cluster with TLS, of servers with a name, which is all that their certificate is for", () => {
  const names = { "cluster-announce-hostname": "localhost", "cluster-preferred-endpoint-type": "hostname" }
  const cluster = useCluster({ masters: 3, tls: true, certificateFor: "DNS:localhost", settings: names })

  test("is refused by a process that does not trust its authority, with the reason in the error and the log", async () => {
    expect(await reasonAt(byName(cluster()))).toMatchObject({
      message: expect.stringMatching(/self-signed certificate/),
    })
    const warned = jest.spyOn(log, "warn")
    await withEnvironment({ REDIS_URL: byName(cluster()) }, async () => {
      expectUnavailable(await api.createApplication())
    })
    expect(warned).toHaveBeenCalledWith("circuit opened", {
      dependency: "redis",
      server: new URL(byName(cluster())).host,
      error: expect.objectContaining({ message: expect.stringContaining("self-signed certificate") }),
    })
  })

  test("is used by a command for which NODE_EXTRA_CA_CERTS names the authority, and by none without", async () => {
    const REDIS_URL = byName(cluster())
    const trusting = await status({ REDIS_URL, NODE_EXTRA_CA_CERTS: cluster().authorityFile as string })
    expect(JSON.parse(trusting.stdout).dependencies.redis).toMatchObject({ state: "up" })
    const other = await status({ REDIS_URL })
    expect(JSON.parse(other.stdout).dependencies.redis).toMatchObject({ state: "down" })
    expect(JSON.parse(other.stdout).problems).toContainEqual(expect.stringMatching(/^redis is away \(self-signed/))
  })

  describe("whose authority the process trusts", () => {
    useTrustIn(cluster)

    test("is reached at all its servers by their name", () => expectTaken(byName(cluster(), 1)))

    test("is refused by its address, with the reason", async () => {
      expect(await reasonAt(cluster().url)).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" })
    })
  })
})

describe("a cluster with TLS, of servers that announce addresses, for which their certificate is not", () => {
  const cluster = useCluster({ masters: 3, tls: true, certificateFor: "DNS:localhost" })
  useTrustIn(cluster)

  test("is refused where it leads to, with the reason in the error and the log", async () => {
    const warned = jest.spyOn(log, "warn")
    await withEnvironment({ REDIS_URL: byName(cluster()) }, async (own) => {
      const [, second] = cluster().nodes
      const owners = await Promise.all(SHARDS.map((shard) => cluster().ownerOf(slotOf(lifeKey(shard)))))
      const shard = SHARDS[owners.findIndex(({ id }) => id === second?.id)] as string
      const refused = await eventually(async () => {
        const error = await own.outbox.open(shard, false).catch((thrown: unknown) => thrown)
        expect((error as DependencyAway).cause).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" })
        return error
      }, SETTLED_WITHIN_MS)
      expect(refused).toBeInstanceOf(DependencyAway)
    })
    const { port } = cluster().nodes[1] ?? {}
    expect(warned).toHaveBeenCalledWith("circuit opened", {
      dependency: "redis",
      server: `127.0.0.1:${port}`,
      error: expect.objectContaining({ message: expect.stringContaining("does not match certificate's altnames") }),
    })
  })
})

describe("a cluster of servers that do not know how clients reach them", () => {
  const cluster = useCluster({ masters: 3, settings: { "cluster-preferred-endpoint-type": "unknown-endpoint" } })

  test("is reached at the host of its URL", async () => {
    const [first] = cluster().nodes as [ClusterNode]
    expect(String(await cluster().ask(first, "CLUSTER", "SHARDS"))).toContain("endpoint,,")
    await expectTaken(byName(cluster()))
  })

  test("leads to the host of its URL by a redirection as well, before its servers are known", async () => {
    await withEnvironment({ REDIS_URL: byName(cluster()) }, async (own) => {
      const opened = await Promise.all(SHARDS.map((shard) => own.outbox.open(shard, false)))
      expect(opened.map(({ shard }) => shard)).toEqual([...SHARDS])
    })
  })
})
