// Chats in shards at the tags of an earlier release, writes to them, and another process that carries the shards.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "@jest/globals"
import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { connectStores } from "../../lib/runtime.ts"
import type { SearchStores, Stores } from "../../lib/stores.ts"
import { expectUnavailable } from "./away-cases.ts"
import { chatApi, directTransport } from "./chat-api.ts"
import { whileConsuming } from "./drain.ts"
import { eventually } from "./eventually.ts"
import { giveFormerNames } from "./former-tags.ts"
import type { Answered } from "./gateway-event.ts"
import { withRedis } from "./redis.ts"
import { withEnvironment } from "./stores.ts"

export const SOON_MS = 15_000
const PAUSE_MS = 10

const api = chatApi(directTransport())

export type World = { token: string; chat: number }

export async function givenChat(): Promise<World> {
  const token = await api.givenApplication()
  return { token, chat: await api.givenChat(token) }
}

/** Runs `act` on a Redis that a release before the tags has left, with chats, in a process that does not know it. */
export async function onFormer(
  stores: SearchStores,
  act: (own: SearchStores, worlds: World[]) => Promise<void>,
  environment = {},
): Promise<void> {
  const given = () => Promise.all(Array.from({ length: 3 }, givenChat))
  const worlds = await whileConsuming(stores, () => eventually(given, SOON_MS))
  for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(1)
  await withRedis(giveFormerNames)
  await withEnvironment(environment, (own) => act(own, worlds))
}

/** Carries the shards as another process does; `change` may replace parts of its client. */
export async function spread(own: SearchStores, change = (redis: Stores["redis"]) => redis): Promise<void> {
  const other = connectStores(own.config)
  try {
    await spreadShards({ ...other.stores, redis: change(other.stores.redis) })
  } finally {
    await other.close()
  }
}

/** Returns a client of a process that dies when it would run one of these scripts. */
export const dyingAt =
  (...scripts: object[]) =>
  (redis: Stores["redis"]): Stores["redis"] => ({
    ...redis,
    run: (script, ...rest) =>
      scripts.includes(script) ? Promise.reject(new Error("died")) : redis.run(script, ...rest),
  })

export const isFormer = (token: string): Promise<boolean> =>
  withRedis(async (redis) => (await redis.exists(lifeKey(shardOf(token)))) === 0)

/** Creates a message with a key until it is answered 201. */
export async function createPatiently({ token, chat }: World, key: string): Promise<number> {
  const deadline = performance.now() + SOON_MS
  for (;;) {
    const answer = await api.createMessage(token, chat, { body: key }, { key })
    if (answer.status === 201) return answer.body.number
    expectUnavailable(answer)
    if (performance.now() > deadline) throw new Error(`503 for too long: ${answer.text}`)
    await sleep(PAUSE_MS)
  }
}

/** Writes to a chat until stopped: creations with keys, updates and deletes. Returns number by key. */
export function keepWriting(world: World) {
  const { token, chat } = world
  const numbers = new Map<string, number>()
  let stopped = false
  const patiently = async (call: () => Promise<Answered>) => {
    for (;;) {
      const answer = await call()
      if ([200, 204, 404].includes(answer.status ?? 0)) return
      expectUnavailable(answer)
      await sleep(PAUSE_MS)
    }
  }
  const running = (async () => {
    while (!stopped) {
      const key = randomUUID()
      const number = await createPatiently(world, key)
      numbers.set(key, number)
      if (number % 3 === 0) await patiently(() => api.updateMessage(token, chat, number, { body: "changed" }))
      if (number % 5 === 0) await patiently(() => api.deleteMessage(token, chat, number))
    }
  })()
  return {
    numbers,
    stop: async () => {
      stopped = true
      await running
      return [...numbers.values()].sort((a, b) => a - b)
    },
  }
}
