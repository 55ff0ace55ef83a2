// What every creation does with an Idempotency-Key.
import { randomUUID } from "node:crypto"
import { describe, expect, test } from "@jest/globals"
import type { SearchStores } from "../../lib/stores.ts"
import type { ChatApi } from "./chat-api.ts"
import { expectStatus } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"
import { callOf, givenWorld, pathOf, reach, STAGES, type Target, type World } from "./world.ts"

type Creation = {
  target: Target
  /** Another body that would be accepted. */
  otherJson: unknown
  /** Returns the path of what was created. */
  created: (world: World, body: { token: string; number: number; data: { number: number }[] }) => string
  keyMin: number
}

const LONGEST = 255

/** Describes the Idempotency-Key of a creation. */
export function describeIdempotency(api: ChatApi, stores: () => SearchStores, creation: Creation): void {
  const { target, otherJson, created, keyMin } = creation
  const create = (world: World, key: string, json: unknown = target.json) =>
    api.call({ ...callOf(target, pathOf(target.template, world)), json, headers: { "idempotency-key": key } })
  const newKey = () => `key-${randomUUID()}`

  describe("an Idempotency-Key", () => {
    test.each(STAGES)("sent again with the same body, %s, gives the same answer and creates nothing", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const key = newKey()
      const first = await create(world, key)
      await reach(stage, stores())
      const again = await create(world, key)
      expect(first.status).toBe(201)
      expect(first.headers).not.toHaveProperty("idempotency-replayed")
      expect(again.headers).toMatchObject({ "idempotency-replayed": "true", location: first.headers.location })
      expect([again.status, again.text]).toEqual([201, first.text])
      const next = expectStatus(await create(world, newKey()), 201)
      if (next.number !== undefined) expect(next.number).toBe(first.body.number + 1)
    })

    test("sent by eight at once creates once", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const key = newKey()
      const answers = await Promise.all(Array.from({ length: 8 }, () => create(world, key)))
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
      expect(answers.filter(({ headers }) => headers["idempotency-replayed"] === undefined)).toHaveLength(1)
    })

    test("sent again with another body is 422", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const key = newKey()
      expectStatus(await create(world, key), 201)
      expectProblem(await create(world, key, otherJson), 422, "idempotency_key_reused")
    })

    test("sent again with the same fields in another order and unknown ones is the same", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const key = newKey()
      const first = expectStatus(await create(world, key, { unknown: 1, ...(target.json as object) }), 201)
      expect(expectStatus(await create(world, key), 201)).toEqual(first)
    })

    test.each(STAGES)("for what was changed since gives the first answer, %s", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const key = newKey()
      const first = await create(world, key)
      expectStatus(await api.call({ method: "PATCH", path: created(world, first.body), json: otherJson }), 200)
      await reach(stage, stores())
      expect((await create(world, key)).text).toBe(first.text)
    })

    test.each(STAGES)("for what was deleted since is 404, %s", async (stage) => {
      const world = await givenWorld(api, stores(), stage)
      const key = newKey()
      const { body } = await create(world, key)
      expectStatus(await api.call({ method: "DELETE", path: created(world, body) }), 204)
      await reach(stage, stores())
      expectProblem(await create(world, key), 404, "not_found")
    })

    test("of a refused request is free for another", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const key = newKey()
      expectProblem(await create(world, key, { name: 5, body: 5 }), 422, "invalid_request")
      expectStatus(await create(world, key), 201)
    })

    test.each([
      ["empty", ""],
      ["too short", "k".repeat(keyMin - 1)],
      ["of 256 characters", "k".repeat(LONGEST + 1)],
      ["with a space", `key with spaces ${randomUUID()}`],
      ["with a letter beyond ASCII", `schlüssel-${randomUUID()}`],
      ["with a control character", `key-${randomUUID()}\u0007`],
    ])("that is %s is 422", async (_what, key) => {
      const world = await givenWorld(api, stores(), "pending")
      const answer = await create(world, key)
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors[0].path).toBe("idempotency-key")
    })

    test("of the shortest and the longest length, of any visible character, is taken", async () => {
      const world = await givenWorld(api, stores(), "pending")
      const visible = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join("")
      const shortest = randomUUID().slice(0, keyMin)
      for (const key of [shortest, `${randomUUID()}${visible}`.padEnd(LONGEST, "k")])
        expectStatus(await create(world, key), 201)
    })
  })
}
