import { describe, expect, test } from "@jest/globals"
import { describeAway, readAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, pathOf, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.getApplication

describe("reading", () => {
  test.each(STAGES)("one answers what its creation answered, %s", async (stage) => {
    const created = await api.createApplication({ name: "Support" })
    await reach(stage, stores())
    const answer = await api.call({ path: String(created.headers.location) })
    expect([answer.status, answer.text]).toEqual([200, created.text])
    expect(answer.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
    })
  })

  test.each(STAGES)("one changed since answers the change at once, %s", async (stage) => {
    const world = await givenWorld(api, stores(), stage)
    const path = pathOf(target.template, world)
    const changed = await api.call({ method: "PATCH", path, json: { name: "changed" } })
    expect((await api.call({ path })).text).toBe(changed.text)
    await reach("stored", stores())
    expect((await api.call({ path })).text).toBe(changed.text)
  })

  test("by the caller's own request id answers with it", async () => {
    const world = await givenWorld(api, stores(), "pending")
    const answer = await api.call({ path: pathOf(target.template, world), headers: { "x-request-id": "mine-1" } })
    expect(expectStatus(answer, 200)).toBeDefined()
    expect(answer.headers["x-request-id"]).toBe("mine-1")
  })
})

describeMissing(api, stores, target)
describeAway(api, stores, target, readAway())
