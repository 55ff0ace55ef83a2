// ETag, If-Match and If-None-Match of applications, chats and messages.
import { describe, expect, test } from "@jest/globals"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { type ApiCall, chatApi, chatPath, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, pathOf, reach, STAGES, TARGETS, unknownToken } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const SYNC_BUDGET_MS = 5_000
const TAG = /^"[A-Za-z0-9_-]{22}(\.\d+)?"$/
const CHANGE = { name: "changed", body: "changed" }
const RESOURCES = [
  ["application", TARGETS.getApplication.template, "/applications"],
  ["chat", TARGETS.getChat.template, "/applications/{token}/chats"],
  ["message", TARGETS.getMessage.template, "/applications/{token}/chats/{chat_number}/messages"],
] as const
const CASES = RESOURCES.flatMap(([kind, template, collection]) =>
  STAGES.map((stage) => ({ kind, template, collection, stage })),
)

const tagOf = async (call: ApiCall): Promise<string> => String((await api.call(call)).headers.etag)
const ifMatch = (tag: string) => ({ headers: { "if-match": tag } })

describe.each(CASES)("an ETag of the $kind, which is $stage", ({ template, collection, stage }) => {
  test("is that of its creation, its change, GET and HEAD", async () => {
    const world = await givenWorld(api, stores(), stage)
    const created = await api.call({ method: "POST", path: pathOf(collection, world), json: CHANGE })
    expect(created.headers.etag).toMatch(TAG)
    const path = String(created.headers.location)
    await reach(stage, stores())
    for (const method of ["GET", "HEAD"]) expect(await tagOf({ method, path })).toBe(created.headers.etag)
    for (const method of ["PUT", "PATCH"]) {
      const changed = await api.call({ method, path, json: CHANGE })
      expect(changed.headers.etag).toMatch(TAG)
      expect(changed.headers.etag).not.toBe(created.headers.etag)
      expect(await tagOf({ path })).toBe(changed.headers.etag)
      await reach(stage, stores())
      expect(await tagOf({ path })).toBe(changed.headers.etag)
    }
  })

  test("in If-None-Match, spares the body until there is a change", async () => {
    const world = await givenWorld(api, stores(), stage)
    const path = pathOf(template, world)
    const tag = await tagOf({ path })
    const asked = { path, headers: { "if-none-match": `"x", ${tag}` } }
    for (const method of ["GET", "HEAD"]) {
      const answer = await api.call({ method, ...asked })
      expect([answer.status, answer.text, answer.headers.etag]).toEqual([304, undefined, tag])
      expect(answer.headers).not.toHaveProperty("content-type")
      expect(answer.headers).toHaveProperty("x-request-id")
    }
    expectStatus(await api.call({ method: "PATCH", path, json: CHANGE }), 200)
    const answer = await api.call(asked)
    expect([answer.status, answer.headers.etag === tag]).toEqual([200, false])
  })

  test("in If-Match, lets PUT, PATCH and DELETE through only until there is a change", async () => {
    const world = await givenWorld(api, stores(), stage)
    const path = pathOf(template, world)
    let tag = await tagOf({ path })
    for (const method of ["PUT", "PATCH"]) {
      const passed = await api.call({ method, path, json: CHANGE, ...ifMatch(`"x", ${tag}`) })
      const { text } = passed
      expect(passed.status).toBe(200)
      for (const stale of ["PUT", "PATCH", "DELETE"])
        for (const wrong of [tag, `W/${passed.headers.etag}`, '"x"', ""]) {
          const json = stale === "DELETE" ? undefined : { name: "lost", body: "lost" }
          expectProblem(await api.call({ method: stale, path, json, ...ifMatch(wrong) }), 412, "precondition_failed")
        }
      expect((await api.call({ path })).text).toBe(text)
      await reach(stage, stores())
      expect((await api.call({ path })).text).toBe(text)
      tag = String(passed.headers.etag)
    }
    expectStatus(await api.call({ method: "PUT", path, json: CHANGE, ...ifMatch("*") }), 200)
    expectStatus(await api.call({ method: "DELETE", path, ...ifMatch(await tagOf({ path })) }), 204)
  })
})

test("a resource that is not there, asked for with either header: is 404", async () => {
  const path = `/applications/${unknownToken()}`
  for (const headers of [{ "if-match": "*" }, { "if-none-match": "*" }] as Record<string, string>[])
    for (const method of ["GET", "DELETE"]) expectProblem(await api.call({ method, path, headers }), 404, "not_found")
})

test("a wrong body with a wrong If-Match: is 422, as without it", async () => {
  const world = await givenWorld(api, stores(), "pending")
  const path = chatPath(world.token, world.chat)
  expectProblem(await api.call({ method: "PUT", path, json: { name: 5 }, ...ifMatch('"x"') }), 422, "invalid_request")
})

test("a change with a wrong If-Match, Redis being away: is 503, since what MySQL has may be old", async () => {
  const world = await givenWorld(api, stores(), "stored")
  const path = chatPath(world.token, world.chat)
  await withEnvironment(away("redis"), async () => {
    expectUnavailable(await api.call({ method: "PUT", path, json: CHANGE, ...ifMatch('"x"') }))
  })
})

test("a count that moves: shows to If-None-Match, and does not stop a change with If-Match", async () => {
  const world = await givenWorld(api, stores(), "stored")
  const path = chatPath(world.token, world.chat)
  await syncCounts(stores(), SYNC_BUDGET_MS)
  const tag = await tagOf({ path })
  await api.givenMessage(world.token, world.chat)
  await reach("stored", stores())
  expect((await api.call({ path, headers: { "if-none-match": tag } })).status).toBe(304)
  await syncCounts(stores(), SYNC_BUDGET_MS)
  const answer = await api.call({ path, headers: { "if-none-match": tag } })
  expect([answer.status, answer.body.messages_count]).toEqual([200, 2])
  expect(answer.headers.etag).not.toBe(tag)
  expectStatus(await api.call({ method: "PATCH", path, json: CHANGE, ...ifMatch(tag) }), 200)
})
