// A tenant never sees anything of another: every route, crossing the tokens, numbers, cursors and keys of two tenants.
import { afterEach, describe, expect, jest, test } from "@jest/globals"
import { hashToken, log } from "../../lib/log.ts"
import { ROUTES, type Route } from "../../lib/operations/routes.ts"
import { type ApiCall, chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { applicationMessagesPath, applicationsPath, chatsPath, messagesPath } from "../steps/paths.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { EQUAL_BODY, expectWhole, givenTenants, reachWithCounts, type Tenant, writeOn } from "../steps/tenants.ts"
import { PAGES, RANGES, type Try, tryErasures, withKey } from "../steps/tries.ts"
import { DOCS_ASSET, ERROR_CODE, type Stage } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** The tenant that calls with its own token, the one whose things it must not get, and the chat in the path. */
type Crossing = { own: Tenant; other: Tenant; chat: number }
type Case = { kind: "read" | "change" | "create" | "delete"; success: number; tries: (crossing: Crossing) => Try[] }

const once = (): Try[] => [{}]
const tryPages = (path: string, { cursors }: Tenant, query = ""): Try[] => [
  ...["", "limit=1", "limit=100&order=desc"].map((more) => ({ query: `${query}${more}` })),
  ...[...cursors]
    .filter(([list]) => list === path)
    .flatMap(([, cursor]) => ["", "&limit=1", "&order=asc"].map((more) => `${query}cursor=${cursor}${more}`))
    .map((foreign) => ({ query: foreign, status: 422 })),
]
const SEARCHED = ["needle", EQUAL_BODY]
const trySearches = ({ other, chat }: Crossing): Try[] =>
  SEARCHED.flatMap((query) =>
    tryPages(`${messagesPath(other.token, chat)}/search`, other, `query=${encodeURIComponent(query)}&`),
  )

const tryPostSearches = (foreign?: string): Try[] => {
  const plain = SEARCHED.map((query) => ({ json: { query } }))
  return foreign === undefined ? plain : [...plain, { json: { query: "needle", cursor: foreign }, status: 422 }]
}

const tryApplicationSearches = ({ other }: Crossing): Try[] =>
  SEARCHED.flatMap((query) =>
    tryPages(`${applicationMessagesPath(other.token)}/search`, other, `query=${encodeURIComponent(query)}&`),
  )

const READ: Case = { kind: "read", success: 200, tries: once }
/** Every route, or the first test fails. The kinds are tested in the order below. */
const CASES: Record<string, Case> = {
  // Another tenant's key with the same body would be answered with its application: a key is as secret as a token.
  "POST /applications": {
    kind: "create",
    success: 201,
    tries: ({ own, other }) => [
      { json: { name: own.secret } },
      withKey(other.keys.application, { name: own.secret }, 422),
    ],
  },
  // The operator's call: it lists the names and tokens of all tenants, but nothing below them.
  "GET /applications": { kind: "read", success: 200, tries: () => [{ query: "limit=100&order=desc" }, {}] },
  "GET /applications/{token}": { kind: "read", success: 200, tries: once },
  "PUT /applications/{token}": { kind: "change", success: 200, tries: ({ own }) => [{ json: { name: own.secret } }] },
  "PATCH /applications/{token}": { kind: "change", success: 200, tries: ({ own }) => [{ json: { name: own.secret } }] },
  "DELETE /applications/{token}": { kind: "delete", success: 204, tries: once },
  "POST /applications/{token}/chats": {
    kind: "create",
    success: 201,
    tries: ({ own, other: { keys } }) => [
      withKey(keys.first, { name: null }),
      withKey(keys.second, { name: own.secret }),
    ],
  },
  "GET /applications/{token}/chats": {
    kind: "read",
    success: 200,
    tries: ({ other }) => [...tryPages(chatsPath(other.token), other), ...PAGES],
  },
  "GET /applications/{token}/chats/{number}": { kind: "read", success: 200, tries: once },
  "PUT /applications/{token}/chats/{number}": { kind: "change", success: 200, tries: () => [{ json: { name: null } }] },
  "PATCH /applications/{token}/chats/{number}": {
    kind: "change",
    success: 200,
    tries: ({ own }) => [{ json: { name: own.secret } }],
  },
  "DELETE /applications/{token}/chats/{number}": { kind: "delete", success: 204, tries: once },
  "POST /applications/{token}/chats/{chat_number}/messages": {
    kind: "create",
    success: 201,
    tries: ({ own, other: { keys } }) => [
      withKey(keys.first, { body: EQUAL_BODY }),
      withKey(keys.second, { body: own.secret }),
    ],
  },
  "POST /applications/{token}/chats/{chat_number}/messages/batch": {
    kind: "create",
    success: 201,
    tries: ({ own, other: { keys } }) => [
      withKey(keys.first, { messages: [{ body: EQUAL_BODY }, { body: own.secret }] }),
      withKey(keys.second, { messages: [{ body: own.secret }] }),
    ],
  },
  "GET /applications/{token}/chats/{chat_number}/messages": {
    kind: "read",
    success: 200,
    tries: (crossing) => {
      const { other, chat } = crossing
      return [...tryPages(messagesPath(other.token, chat), other), ...PAGES, ...RANGES, ...trySearches(crossing)]
    },
  },
  "DELETE /applications/{token}/chats/{chat_number}/messages": {
    kind: "delete",
    success: 200,
    tries: ({ other, chat }) => tryErasures(other.cursors.get(messagesPath(other.token, chat))),
  },
  "GET /applications/{token}/chats/{chat_number}/messages/search": { kind: "read", success: 200, tries: trySearches },
  "POST /applications/{token}/chats/{chat_number}/messages/search": {
    kind: "read",
    success: 200,
    tries: ({ other, chat }) => tryPostSearches(other.cursors.get(`${messagesPath(other.token, chat)}/search`)),
  },
  "GET /applications/{token}/changes": {
    kind: "read",
    success: 200,
    tries: ({ other }) => {
      const foreign = [...other.cursors].filter(([path]) => path.endsWith("/changes")).map(([, cursor]) => cursor)
      const refused = foreign.map((cursor) => ({ query: `cursor=${cursor}`, status: 422 }))
      return [{}, { query: "limit=1" }, { query: "cursor=latest" }, ...refused]
    },
  },
  "GET /applications/{token}/messages/search": { kind: "read", success: 200, tries: tryApplicationSearches },
  "POST /applications/{token}/messages/search": {
    kind: "read",
    success: 200,
    tries: ({ other }) => tryPostSearches(other.cursors.get(`${applicationMessagesPath(other.token)}/search`)),
  },
  "GET /applications/{token}/chats/{chat_number}/messages/{number}": { kind: "read", success: 200, tries: once },
  "PUT /applications/{token}/chats/{chat_number}/messages/{number}": {
    kind: "change",
    success: 200,
    tries: ({ own }) => [{ json: { body: own.secret } }],
  },
  "PATCH /applications/{token}/chats/{chat_number}/messages/{number}": {
    kind: "change",
    success: 200,
    tries: ({ own }) => [{ json: { body: own.secret } }],
  },
  "DELETE /applications/{token}/chats/{chat_number}/messages/{number}": { kind: "delete", success: 204, tries: once },
  ...{ "GET /health": READ, "GET /health/ready": READ, "GET /openapi.json": READ, "GET /metrics": READ },
  ...{ "GET /docs": READ, "GET /docs/{asset}": READ },
  "GET /problems/{code}": READ,
}

type Called = { method: Route["methods"][number]; path: string }
const CALLED: Called[] = ROUTES.flatMap(({ methods, path }) => methods.map((method) => ({ method, path })))

/** Returns the routes of a kind, the deepest first, so that no call deletes or creates what the next one needs. */
const ofKind = (kind: Case["kind"]): Called[] =>
  CALLED.filter(({ method, path }) => CASES[`${method} ${path}`]?.kind === kind).sort(
    (a, b) => b.path.split("/").length - a.path.split("/").length,
  )

/** Returns the paths of a template with every number that either tenant has; `there` says whether the caller has it. */
function pathsOf(template: string, own: Tenant, other: Tenant): { path: string; chat: number; there: boolean }[] {
  const path = template.replace("{token}", own.token).replace("{code}", ERROR_CODE).replace("{asset}", DOCS_ASSET)
  if (!path.includes("{")) return [{ path, chat: 1, there: true }]
  const chats = [...new Set([...own.chats.keys(), ...other.chats.keys()])]
  return chats.flatMap((chat) => {
    const inChat = path.replace(path.includes("{chat_number}") ? "{chat_number}" : "{number}", String(chat))
    const mine = own.chats.get(chat)
    if (!inChat.includes("{")) return [{ path: inChat, chat, there: mine !== undefined }]
    const messages = [...(mine?.messages.keys() ?? []), ...(other.chats.get(chat)?.messages.keys() ?? [])]
    return [...new Set(messages)].map((message) => ({
      path: inChat.replace("{number}", String(message)),
      chat,
      there: mine?.messages.has(message) ?? false,
    }))
  })
}

/** Checks that nothing of the other tenant is in an answer's body or headers. */
function expectNothingOf(other: Tenant, { text = "", headers }: Answered, path: string): void {
  const said = `${text} ${JSON.stringify(headers)}`
  // The list of applications has all names and tokens, but nothing else of a tenant.
  const kept =
    path === applicationsPath() ? [`chat-${other.secret}`, `body-${other.secret}`] : [other.secret, other.token]
  for (const word of [...kept, ...other.cursors.values()]) expect(said).not.toContain(word)
}

/** Calls every route of a kind as `own` with what `other` has. */
async function cross(kind: Case["kind"], own: Tenant, other: Tenant): Promise<void> {
  for (const { method, path: template } of ofKind(kind)) {
    const { tries, success } = CASES[`${method} ${template}`] as Case
    const statuses = new Set<number | undefined>()
    for (const { path, chat, there } of pathsOf(template, own, other))
      for (const { status = success, ...call } of tries({ own, other, chat })) {
        const answer = await api.call({ method, path, ...call } satisfies ApiCall)
        // A foreign cursor is refused before the chat is looked up.
        const wanted = there ? [status] : [404, ...(status === 422 ? [422] : [])]
        expect([method, path, call, wanted]).toEqual([method, path, call, expect.arrayContaining([answer.status])])
        expect(answer.headers).not.toHaveProperty("idempotency-replayed")
        expectNothingOf(other, answer, path)
        statuses.add(answer.status)
      }
    expect([template, [...statuses]]).toEqual([template, expect.arrayContaining([success])])
  }
}

const spies = (["info", "warn", "error"] as const).map((level) => jest.spyOn(log, level))
const logged = (): string => JSON.stringify(spies.flatMap((spy) => spy.mock.calls))
const forgetLog = (): void => {
  for (const spy of spies) spy.mockClear()
}
afterEach(forgetLog)

/** Checks that calls of one tenant log nothing about another, and no token, name or body of either. */
function expectLogOf(own: Tenant, other: Tenant): void {
  const lines = logged()
  expect(lines).toContain(hashToken(own.token))
  for (const word of [hashToken(other.token), own.token, other.token, own.secret, other.secret, EQUAL_BODY])
    expect(lines).not.toContain(word)
}

test("the routes: each: has a case here", () => {
  expect(Object.keys(CASES).sort()).toEqual(CALLED.map(({ method, path }) => `${method} ${path}`).sort())
})

describe.each<[string, boolean, Stage]>([
  ["of one shard", true, "pending"],
  ["of one shard", true, "stored"],
  ["of two shards", false, "stored"],
])("two tenants %s (%s), %s", (_shards, inOneShard, stage) => {
  const given = () => givenTenants(api, stores(), stage, inOneShard)
  /** Checks that a tenant's numbers and counts go on. */
  const expectGoesOn = async (tenant: Tenant): Promise<void> => {
    await reachWithCounts("stored", stores())
    await expectWhole(api, tenant, "stored")
    await writeOn(api, tenant)
    await reachWithCounts("stored", stores())
    await expectWhole(api, tenant, "stored")
  }

  test("each reads by the other's numbers, cursors and pages: gets its own and nothing else", async () => {
    const { larger, smaller } = await given()
    for (const [own, other] of [
      [smaller, larger],
      [larger, smaller],
    ] as const) {
      forgetLog()
      await cross("read", own, other)
      expectLogOf(own, other)
      await expectWhole(api, own, stage)
    }
  })

  test("one changes and creates by the other's numbers and keys: the other is as it was", async () => {
    const { larger, smaller } = await given()
    forgetLog()
    await cross("change", smaller, larger)
    await cross("create", smaller, larger)
    expectLogOf(smaller, larger)
    await expectWhole(api, larger, stage)
    await expectGoesOn(larger)
  })

  test("one deletes by the other's numbers, and itself: the other is as it was", async () => {
    const { larger, smaller } = await given()
    forgetLog()
    await cross("delete", smaller, larger)
    expectLogOf(smaller, larger)
    await expectWhole(api, larger, stage)
    await expectGoesOn(larger)
  })

  test("the larger one deletes itself: the other keeps its own and gets nothing of what was there", async () => {
    const { larger, smaller } = await given()
    const { token } = larger
    expectStatus(await api.deleteMessage(token, 1, 1), 204)
    expectStatus(await api.deleteChat(token, 2), 204)
    await expectWhole(api, smaller, stage)
    expectStatus(await api.deleteApplication(token), 204)
    for (const then of [stage, "stored"] as const) {
      await reachWithCounts(then, stores())
      await cross("read", smaller, larger)
      await expectWhole(api, smaller, then)
      const searches = [messagesPath(token, 1), applicationMessagesPath(token)].map((path) => `${path}/search`)
      for (const path of [chatsPath(token), messagesPath(token, 1), ...searches])
        expect((await api.call({ path, query: path.endsWith("search") ? "query=needle" : "" })).status).toBe(404)
    }
    await expectGoesOn(smaller)
  })
})

test("two tenants, Redis being away: each reads its own from MySQL and nothing of the other", async () => {
  const { larger, smaller } = await givenTenants(api, stores(), "stored", true)
  await withEnvironment(away("redis"), async () => {
    await expectWhole(api, smaller, "stored")
    for (const path of [`${chatsPath(smaller.token)}/3`, `${messagesPath(smaller.token, 1)}/5`]) {
      const answer = await api.call({ path })
      expect(answer.status).toBe(503)
      expectNothingOf(larger, answer, path)
    }
  })
})
