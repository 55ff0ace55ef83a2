import { describe, expect, test } from "@jest/globals"
import { describeAway, listAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { describeList } from "../steps/list-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Creates applications in different milliseconds, since those of the same one are ordered by token. */
async function givenApplications(count: number): Promise<string[]> {
  const tokens: string[] = []
  let last = ""
  while (tokens.length < count) {
    const { token, created_at: createdAt } = expectStatus(await api.createApplication(), 201)
    if (createdAt === last) expectStatus(await api.deleteApplication(token), 204)
    else tokens.push(token)
    last = createdAt
  }
  return tokens
}

const listed = async (query?: string): Promise<string[]> =>
  expectStatus(await api.listApplications(query), 200).data.map(({ token }: { token: string }) => token)

async function deleteAll(): Promise<void> {
  for (let tokens = await listed("limit=100"); tokens.length > 0; tokens = await listed("limit=100"))
    for (const token of tokens) expectStatus(await api.deleteApplication(token), 204)
}

describe("the list of applications", () => {
  test.each(STAGES)("shows each as it is, without the deleted ones, writes being %s", async (stage) => {
    await deleteAll()
    const tokens = await givenApplications(3)
    await reach(stage, stores())
    expectStatus(await api.updateApplication(tokens[0] as string, { name: "renamed" }), 200)
    expectStatus(await api.deleteApplication(tokens[1] as string), 204)
    for (const _ of [1, 2]) {
      const { data, next_cursor } = expectStatus(await api.listApplications(), 200)
      expect(data.map(({ token, name }: { token: string; name: string }) => [token, name])).toEqual([
        [tokens[0], "renamed"],
        [tokens[2], "an application"],
      ])
      expect(next_cursor).toBeNull()
      expect(data[0]).toEqual(expectStatus(await api.getApplication(tokens[0] as string), 200))
      await reach(stage, stores())
    }
  })
})

const randomTail = () => crypto.randomUUID().replaceAll("-", "").slice(0, 23)

describeList(api, {
  given: async (count) => {
    await deleteAll()
    return { path: "/applications", keys: await givenApplications(count) }
  },
  key: "token",
  other: async () => `/applications/${(await givenWorld(api, stores(), "pending")).token}/chats`,
})

describeAway(
  api,
  stores,
  TARGETS.listApplications,
  listAway().filter(({ scene }) => scene !== "unknown"),
)

// Must run last: what it leaves would disturb other tests.
describe("a list of applications that are mostly deleted", () => {
  test("with hundreds of the deletes on their way in one shard, goes on behind them", async () => {
    await deleteAll()
    // An outbox returns a window of events. All of these are deleted, so the list must read on after them.
    const { outbox } = stores()
    const create = (name: string) =>
      outbox.create({ kind: "application", application: `A${randomTail()}`, chat: 0, state: { name } })
    const first = await create("first")
    for (let index = 0; index < 600; index++) {
      const created = await create("hidden")
      if (created.status !== "created") throw new Error(created.status)
      if (index < 590) expectStatus(await api.deleteApplication(created.id), 204)
    }
    expect(first.status).toBe("created")
    const seen: string[] = []
    let cursor: string | null = ""
    while (cursor !== null) {
      const query: string = cursor === "" ? "limit=1" : `limit=1&cursor=${cursor}`
      const page = expectStatus(await api.listApplications(query), 200)
      seen.push(...page.data.map(({ name }: { name: string }) => name))
      cursor = page.next_cursor
    }
    expect(seen).toHaveLength(11)
  })
})
