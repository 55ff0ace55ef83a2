// A cluster with TLS, as the services of AWS serve it.
import { expect, jest, test } from "@jest/globals"
import { Redis } from "ioredis"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { startCluster, useCluster } from "../steps/own-cluster.ts"

const TEST_LIMIT_MS = 60_000
const CONNECT_LIMIT_MS = 2_000

jest.setTimeout(TEST_LIMIT_MS)
const cluster = useCluster({ masters: 3, tls: true })

/** Returns the answer to a PING; rejects with the reason for which there is none. */
async function ping(options: { tls?: { ca?: string } }): Promise<string> {
  const [{ port }] = cluster().nodes as [ClusterNode]
  const limits = { lazyConnect: true, retryStrategy: null, connectTimeout: CONNECT_LIMIT_MS }
  const redis = new Redis({ port, host: "127.0.0.1", ...limits, ...options })
  const failed = new Promise<never>((_resolve, reject) => {
    redis.once("error", reject)
  })
  try {
    return await Promise.race([redis.connect().then(() => redis.ping()), failed])
  } finally {
    redis.disconnect()
  }
}

test("with its authority: answers, and says rediss", async () => {
  expect(await ping({ tls: { ca: cluster().authority as string } })).toBe("PONG")
  expect(cluster().urls.every((url) => url.startsWith("rediss://"))).toBe(true)
})

test("without its authority, or without TLS: does not answer", async () => {
  await expect(ping({ tls: {} })).rejects.toThrow(/self-signed|unable to verify/)
  await expect(ping({})).rejects.toThrow()
})

test("a slot that is moved: goes over TLS too, with its key", async () => {
  const [first, second] = cluster().nodes as [ClusterNode, ClusterNode]
  const slot = Number(await cluster().ask(first, "CLUSTER", "KEYSLOT", "bar"))
  await cluster().ask(first, "SET", "bar", "kept")
  await cluster().moveSlot(slot, second)
  await cluster().waitUntilHealthy()
  expect(await cluster().ask(second, "GET", "bar")).toBe("kept")
})

test("a Valkey with TLS: is refused with the reason, before it is downloaded", async () => {
  await expect(startCluster({ masters: 1, server: "valkey", tls: true })).rejects.toThrow("is built without TLS")
})
