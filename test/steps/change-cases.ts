// Updates and deletes of all three kinds: what they do to the resource itself.
import { describe, expect, test } from "@jest/globals"
import type { SearchStores } from "../../lib/stores.ts"
import { type ChatApi, expectStatus } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"
import { callOf, givenWorld, pathOf, reach, STAGES, type Target } from "./world.ts"

/** Describes an update of `field`; `target.json` holds its new value. */
export function describeUpdate(api: ChatApi, stores: () => SearchStores, target: Target, field: "name" | "body"): void {
  const { template } = target
  const after = (target.json as Record<string, unknown>)[field]

  describe("an update", () => {
    for (const method of ["PUT", "PATCH"] as const)
      test.each(STAGES)(`by ${method} answers the new state, and reads show it at once, %s`, async (stage) => {
        const world = await givenWorld(api, stores(), stage)
        const path = pathOf(template, world)
        const before = expectStatus(await api.call({ path }), 200)
        const answer = await api.call({ ...callOf(target, path), method })
        expect(expectStatus(answer, 200)).toEqual({ ...before, [field]: after, updated_at: expect.any(String) })
        expect(Date.parse(answer.body.updated_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at))
        expect((await api.call({ path })).text).toBe(answer.text)
        await reach("stored", stores())
        expect((await api.call({ path })).text).toBe(answer.text)
      })

    test.each(STAGES)("followed by others leaves the last one, %s", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const path = pathOf(template, world)
      for (const value of ["one", "two", "three"]) {
        expectStatus(await api.call({ method: "PUT", path, json: { [field]: value } }), 200)
        await reach(stage, stores())
      }
      await reach("stored", stores())
      expect(expectStatus(await api.call({ path }), 200)[field]).toBe("three")
    })

    test("by sixteen at once leaves one of them, the same in outbox and MySQL", async () => {
      const world = await givenWorld(api, stores(), "stored")
      const path = pathOf(template, world)
      const values = Array.from({ length: 16 }, (_, index) => `value ${index}`)
      await Promise.all(values.map((value) => api.call({ method: "PUT", path, json: { [field]: value } })))
      const pending = await api.call({ path })
      expect(values).toContain(expectStatus(pending, 200)[field])
      await reach("stored", stores())
      expect((await api.call({ path })).text).toBe(pending.text)
    })
  })
}

/** Describes a delete. `remaining` are templates of siblings and parents, which must stay. */
export function describeDelete(api: ChatApi, stores: () => SearchStores, target: Target, remaining: string[]): void {
  const { template } = target

  describe("a delete", () => {
    test.each(STAGES)("answers 204 without a body, and again 404, %s", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const path = pathOf(template, world)
      const answer = await api.call({ method: "DELETE", path })
      expect([answer.status, answer.text]).toEqual([204, undefined])
      expect(answer.headers).not.toHaveProperty("content-type")
      for (const method of ["DELETE", "GET"]) expectProblem(await api.call({ method, path }), 404, "not_found")
      await reach("stored", stores())
      for (const method of ["DELETE", "GET"]) expectProblem(await api.call({ method, path }), 404, "not_found")
      for (const other of remaining) expectStatus(await api.call({ path: pathOf(other, world) }), 200)
    })

    test.each(STAGES)("of what was just changed deletes it, %s", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const path = pathOf(template, world)
      expectStatus(await api.call({ method: "PUT", path, json: { name: "changed", body: "changed" } }), 200)
      expectStatus(await api.call({ method: "DELETE", path }), 204)
      await reach("stored", stores())
      expectProblem(await api.call({ path }), 404, "not_found")
    })

    test("by eight at once deletes it once or more, and nothing else answers than 204 and 404", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const path = pathOf(template, world)
      const answers = await Promise.all(Array.from({ length: 8 }, () => api.call({ method: "DELETE", path })))
      const statuses = answers.map(({ status }) => status)
      expect(statuses).toContain(204)
      expect(statuses.filter((status) => status !== 204 && status !== 404)).toEqual([])
    })
  })
}
