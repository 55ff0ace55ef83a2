// What each endpoint answers, such as 503, while one of its dependencies is away.
import { describe, expect, test } from "@jest/globals"
import type { Dependency } from "../../lib/errors.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { ChatApi } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"
import type { Answered } from "./gateway-event.ts"
import { away, withEnvironment } from "./stores.ts"
import { callOf, givenWorld, pathOf, type Stage, type Target, unknownToken, type World } from "./world.ts"

/** Where the requested resource is: pending, stored, or nowhere. */
type Scene = Stage | "unknown"
export type AwayCase = { away: Dependency; scene: Scene; status: number }

/** Names of parts, addresses and files that no answer may reveal. */
const INSIDE = /mysql|maria|redis|sqs|queue|elastic|search index|127\.0\.0\.1|ECONN|\.ts\b|kysely|outbox/i

/** Checks that an answer is a 503 that says when to retry and reveals nothing internal. */
export function expectUnavailable(answer: Answered): void {
  expectProblem(answer, 503, "unavailable")
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
  expect(answer.text).not.toMatch(INSIDE)
}

/** Describes what `target` answers while dependencies are away; those not listed do not affect it. */
export function describeAway(api: ChatApi, stores: () => SearchStores, target: Target, cases: AwayCase[]): void {
  describe("a dependency is away", () => {
    test.each(cases)("$away, and what is asked for is $scene: $status", async ({ away: dependency, scene, status }) => {
      const world = await givenScene(api, stores(), scene)
      const answer = await withEnvironment(away(dependency), () =>
        api.call(callOf(target, pathOf(target.template, world))),
      )
      if (status === 503) expectUnavailable(answer)
      else expect([answer.status, answer.text]).toEqual([status, status === 204 ? undefined : expect.any(String)])
    })
  })
}

async function givenScene(api: ChatApi, stores: SearchStores, scene: Scene): Promise<World> {
  if (scene === "unknown") return { token: unknownToken(), chat: 1, message: 1 }
  return givenWorld(api, stores, scene)
}

const each = (dependency: Dependency, statuses: Partial<Record<Scene, number>>): AwayCase[] =>
  Object.entries(statuses).map(([scene, status]) => ({ away: dependency, scene: scene as Scene, status }))

/** Creations need Redis, but not MySQL below a parent that Redis knows. */
export const creationAway = (): AwayCase[] => [
  ...each("mysql", { pending: 201, stored: 201 }),
  ...each("redis", { stored: 503 }),
  ...each("sqs", { pending: 201, stored: 201 }),
  ...each("elasticsearch", { stored: 201 }),
]

/** Changes need Redis, and MySQL for what is already stored. */
export const changeAway = (success: number): AwayCase[] => [
  ...each("mysql", { pending: success, stored: 503 }),
  ...each("redis", { stored: 503, unknown: 503 }),
  ...each("sqs", { pending: success, stored: success }),
  ...each("elasticsearch", { stored: success }),
]

/** While Redis is away, MySQL answers; what it lacks may be in the outbox, so it is not 404. */
export const readAway = (): AwayCase[] => [
  ...each("mysql", { pending: 200, stored: 503 }),
  ...each("redis", { stored: 200, unknown: 503 }),
  ...each("sqs", { pending: 200, stored: 200 }),
  ...each("elasticsearch", { stored: 200 }),
]

/** A list always merges both. */
export const listAway = (): AwayCase[] => [
  ...each("mysql", { pending: 503, stored: 503 }),
  ...each("redis", { stored: 200, unknown: 503 }),
  ...each("sqs", { pending: 200, stored: 200 }),
  ...each("elasticsearch", { stored: 200 }),
]

/** As for creations, Redis knows that the chat lives. */
export const searchAway = (): AwayCase[] => [
  ...each("mysql", { stored: 200 }),
  ...each("redis", { stored: 200, unknown: 503 }),
  ...each("sqs", { stored: 200 }),
  ...each("elasticsearch", { pending: 503, stored: 503 }),
]
