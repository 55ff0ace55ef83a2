// Random writes, delivered in any order and to any extent, while a reader follows the changes page by page.
import { expect, test } from "@jest/globals"
import { createApplication } from "../../lib/applications.ts"
import { readChanges } from "../../lib/changes/read-changes.ts"
import { createChat, deleteChat, updateChat } from "../../lib/chats.ts"
import type { ChangesRequest } from "../../lib/contract.ts"
import { createMessage, deleteMessage, updateMessage } from "../../lib/messages.ts"
import { deliver, drainQueues, takeRecords } from "../steps/drain.ts"
import { follow, interrupted, replicaOf } from "../steps/follow.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

/** Returns the same numbers below 1 for a seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

test.each([1, 2, 3, 4])(
  "random writes, deliveries and pages (seed %i): a follower: has what GET shows, nothing twice",
  async (seed) => {
    const random = seeded(seed)
    const pick = (max: number) => 1 + Math.floor(random() * max)
    const token = (await createApplication(stores(), { name: "Followed" })).resource.token
    await createChat(stores(), token, { name: null })
    await drainQueues(stores())
    let waiting = await takeRecords(stores(), "persist")
    const write = async () => {
      const [chat, message] = [pick(3), pick(6)]
      const steps = [
        () => createMessage(stores(), token, chat, { body: "a message" }),
        () => createMessage(stores(), token, chat, { body: "a message" }),
        () => createChat(stores(), token, { name: null }),
        () => updateMessage(stores(), token, chat, message, { body: `changed ${random()}` }),
        () => updateChat(stores(), token, chat, { name: `changed ${random()}` }),
        () => deleteMessage(stores(), token, chat, message),
        ...(random() < 0.1 ? [() => deleteChat(stores(), token, chat)] : []),
      ]
      await steps[Math.floor(random() * steps.length)]?.().catch((error: unknown) =>
        expect(error).toMatchObject({ code: "not_found" }),
      )
      waiting.push(...(await takeRecords(stores(), "persist")))
    }
    const deliverSome = async () => {
      const chosen = waiting.filter(() => random() < 0.4)
      waiting = waiting.filter((record) => !chosen.includes(record))
      if (chosen.length > 0)
        expect(
          await deliver(
            "persist",
            chosen.toSorted(() => random() - 0.5),
          ),
        ).toEqual([])
    }
    let from: ChangesRequest["from"] = "beginning"
    const told = []
    for (let round = 0; round < 25; round++) {
      for (let i = 0; i < pick(4); i++) await write()
      if (random() < 0.5) await deliverSome()
      const own = interrupted(stores(), async () => {
        for (let i = 0; i < pick(3); i++) await write()
        await deliverSome()
      })
      const { data, next } = await readChanges(own, token, { from, chat: 0, limit: pick(4) })
      told.push(...data)
      from = next
    }
    told.push(...(await follow(stores(), token, { from })).changes)
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
    const fresh = replicaOf((await follow(stores(), token)).changes)
    const texts = (replica: Map<string, object>) => [...replica].map((one) => JSON.stringify(one)).sort()
    expect(texts(replicaOf(told))).toEqual(texts(fresh))
    expect(await deliver("persist", waiting)).toEqual([])
    expect(texts(replicaOf((await follow(stores(), token)).changes))).toEqual(texts(fresh))
  },
)
