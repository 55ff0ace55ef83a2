// Calls of Redis wait for the first connection, and say why there is none; a broken one ends nothing else.
import net, { type Socket } from "node:net"
import { expect, jest, test } from "@jest/globals"
import { connectRedis } from "../../lib/clients/redis.ts"
import { DependencyAway } from "../../lib/errors.ts"
import { eventually } from "../steps/eventually.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { useTestStores } from "../steps/stores.ts"

/** Longer than most connections take, and shorter than the silence for which one is dropped. */
const SLOW_MS = 1_200

const RECONNECTED_WITHIN_MS = 5_000

const stores = useTestStores()

/** Returns the reason that a call of the server with this URL fails for. */
async function reasonAt(url: string): Promise<unknown> {
  const redis = connectRedis(url, () => {})
  try {
    const error = await redis.describe([]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DependencyAway)
    return (error as DependencyAway).cause
  } finally {
    await redis.close()
  }
}

test("a call of a port on which nothing listens: fails with the system's code", async () => {
  expect(await reasonAt("redis://127.0.0.1:1")).toMatchObject({ code: "ECONNREFUSED" })
})

test("a call with a user that the server does not have: fails with the server's refusal", async () => {
  const url = new URL(stores().config.REDIS_URL)
  url.username = "nobody"
  url.password = "wrong"
  expect(String(await reasonAt(url.href))).toContain("WRONGPASS")
})

test("the first call of a server that is slow to connect: waits, and is answered", async () => {
  const forwarder = await startForwarder(stores().config.REDIS_URL)
  forwarder.delay(SLOW_MS)
  const redis = connectRedis(forwarder.url, () => {})
  try {
    await expect(redis.describe([])).resolves.toHaveLength(1)
  } finally {
    await redis.close()
    await forwarder.shut()
  }
})

test("two errors of one connection: are survived, and another one is made", async () => {
  const connecting = jest.spyOn(net, "createConnection")
  const redis = connectRedis(stores().config.REDIS_URL, () => {})
  try {
    await redis.describe([])
    const socket = connecting.mock.results[0]?.value as Socket
    for (const reason of ["one", "another"]) socket.emit("error", new Error(reason))
    socket.destroy()
    await eventually(() => expect(redis.describe([])).resolves.toHaveLength(1), RECONNECTED_WITHIN_MS)
    expect(connecting).toHaveBeenCalledTimes(2)
  } finally {
    connecting.mockRestore()
    await redis.close()
  }
})
