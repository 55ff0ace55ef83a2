// ADMIN_API_KEY: which calls need a key, and which keys are accepted.
import { randomBytes, randomUUID } from "node:crypto"
import { describe, expect, test } from "@jest/globals"
import { type ApiCall, chatApi, expectStatus, type Transport } from "./chat-api.ts"
import type { Answered } from "./gateway-event.ts"
import { callOf, pathOf, TARGETS, unknownToken } from "./world.ts"

const newKey = (): string => randomBytes(18).toString("base64url")
/** The key to be replaced, and its replacement. */
export const ADMIN_KEYS = [newKey(), newKey()] as const
const [OLD, NEW] = ADMIN_KEYS

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const NEEDED = [
  "createApplication",
  "listApplications",
  "updateApplication",
  "updateApplicationByPatch",
  "deleteApplication",
] as const

/** Returns a transport that adds `headers` to each call. */
const withHeaders =
  (call: Transport, headers: Record<string, string>): Transport =>
  (asked) =>
    call({ ...asked, headers: { ...headers, ...asked.headers } })

function expectUnauthorized({ status, headers, body }: Answered): void {
  expect([status, body.code]).toEqual([401, "unauthorized"])
  expect(headers).toMatchObject({ "content-type": "application/problem+json", "www-authenticate": "Bearer" })
}

/** Describes an API with both ADMIN_KEYS; `using` runs an action with its calls. */
export function describeAdminKey(using: (action: (call: Transport) => Promise<void>) => Promise<void>): void {
  const world = async (call: Transport) => {
    const api = chatApi(withHeaders(call, bearer(OLD)))
    const token = await api.givenApplication("first name")
    return { token, chat: await api.givenChat(token), message: 1 }
  }

  describe("with admin keys", () => {
    test.each(NEEDED)("%s without one, or with a wrong one, is 401 and changes nothing", async (name) => {
      await using(async (call) => {
        const at = await world(call)
        const wrong: Record<string, string>[] = [
          {},
          bearer(newKey()),
          bearer(OLD.slice(0, -1)),
          bearer(`${OLD},${NEW}`),
          bearer(""),
          { authorization: OLD },
          { authorization: `Basic ${OLD}` },
          { "x-api-key": newKey() },
          { "x-api-key": "" },
        ]
        for (const headers of wrong)
          expectUnauthorized(await call({ ...callOf(TARGETS[name], pathOf(TARGETS[name].template, at)), headers }))
        expect(expectStatus(await call({ path: `/applications/${at.token}` }), 200).name).toBe("first name")
      })
    })

    test.each(NEEDED)("%s with either of them, in either header, is taken", async (name) => {
      await using(async (call) => {
        const headers = [bearer(OLD), bearer(NEW), { authorization: `bearer  ${NEW}` }, { "x-api-key": OLD }]
        headers.push({ "x-api-key": NEW }, { authorization: "Basic dTpw", "x-api-key": NEW })
        for (const given of headers) {
          const target = { ...callOf(TARGETS[name], pathOf(TARGETS[name].template, await world(call))), headers: given }
          expectStatus(await call(target), TARGETS[name].success)
        }
      })
    })

    test("what is wrong otherwise shows only with one; unknown routes and methods need none", async () => {
      await using(async (call) => {
        const wrong: ApiCall[] = [
          { method: "POST", path: "/applications", text: "{" },
          { path: "/applications", query: { limit: 0 } },
          { method: "PUT", path: `/applications/${unknownToken()}`, json: { name: "x" } },
          { method: "DELETE", path: "/applications/x" },
        ]
        for (const one of wrong) expectUnauthorized(await call(one))
        const told = await Promise.all(wrong.map((one) => call({ ...one, headers: bearer(NEW) })))
        expect(told.map(({ status }) => status)).toEqual([400, 422, 404, 404])
        expect((await call({ path: "/nothing" })).status).toBe(404)
        expect((await call({ method: "DELETE", path: "/applications" })).status).toBe(405)
      })
    })

    test("reading an application and all below it needs its token only, and so do health and documents", async () => {
      await using(async (call) => {
        const at = await world(call)
        await chatApi(call).givenMessage(at.token, at.chat)
        const open = Object.entries(TARGETS).filter(([name]) => !NEEDED.some((needed) => needed === name))
        const { deleteMessage, deleteChat, ...kept } = Object.fromEntries(open)
        for (const target of [...Object.values(kept), TARGETS.deleteMessage, TARGETS.deleteChat])
          expectStatus(await call(callOf(target, pathOf(target.template, at))), target.success)
        for (const path of ["/health", "/health/ready", "/openapi.json", "/docs"])
          expect([path, (await call({ path })).status]).toEqual([path, 200])
      })
    })

    test("an Idempotency-Key belongs to the one it was sent with", async () => {
      await using(async (call) => {
        const key = `key-${randomUUID()}`
        const create = async (admin: string) =>
          expectStatus(
            await call({ ...callOf(TARGETS.createApplication, "/applications"), headers: headersOf(admin) }),
            201,
          ).token
        const headersOf = (admin: string) => ({ ...bearer(admin), "idempotency-key": key })
        const [first, again, other] = [await create(OLD), await create(OLD), await create(NEW)]
        expect(again).toBe(first)
        expect(other).not.toBe(first)
        expect(await create(NEW)).toBe(other)
      })
    })
  })
}
