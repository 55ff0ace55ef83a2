// 404: all ways in which the resource of a path can be missing, for any endpoint with path parameters.
import { describe, expect, test } from "@jest/globals"
import type { SearchStores } from "../../lib/stores.ts"
import { type ChatApi, chatPath, expectStatus, messagePath } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"
import {
  callOf,
  givenWorld,
  pathOf,
  reach,
  STAGES,
  type Stage,
  type Target,
  unknownToken,
  type World,
} from "./world.ts"

const IMPOSSIBLE_TOKENS = [
  "x",
  "a".repeat(23),
  "a".repeat(25),
  "a".repeat(23).concat("!"),
  "%00".repeat(24),
  "🙂".repeat(12),
]
const IMPOSSIBLE_NUMBERS = [
  "0",
  "-1",
  "abc",
  "1.5",
  "01",
  "1e3",
  "0x1",
  "%2B1",
  "1%20",
  "٣",
  "4294967296",
  "9".repeat(20),
]
/** Valid numbers that no test reaches. */
const UNKNOWN_NUMBERS = ["999", "4294967295"]

type Deletion = { what: string; path: (world: World) => string }

/** Returns the deletes after which the target no longer exists. */
function deletionsAbove(template: string): Deletion[] {
  const deletions: Deletion[] = [{ what: "application", path: ({ token }) => `/applications/${token}` }]
  const inChat = template.includes("/chats/")
  if (inChat) deletions.push({ what: "chat", path: ({ token, chat }) => chatPath(token, chat) })
  if (template.endsWith("/messages/{number}"))
    deletions.push({ what: "message", path: ({ token, chat, message }) => messagePath(token, chat, message) })
  return deletions
}

const parametersOf = (template: string): string[] => [...template.matchAll(/\{(\w+)\}/g)].map(([whole]) => whole)

const valuesFor = (parameter: string): string[] =>
  parameter === "{token}" ? [...IMPOSSIBLE_TOKENS, unknownToken()] : [...IMPOSSIBLE_NUMBERS, ...UNKNOWN_NUMBERS]

/** Describes the 404 answers of `target`. */
export function describeMissing(api: ChatApi, stores: () => SearchStores, target: Target): void {
  const { template } = target

  describe("something that is not there", () => {
    test.each(parametersOf(template).flatMap((parameter) => valuesFor(parameter).map((value) => [parameter, value])))(
      "is asked for with %s = %s, and is 404",
      async (parameter, value) => {
        const world = await givenWorld(api, stores(), "pending")
        const path = pathOf(template.replace(parameter as string, value as string), world)
        expectProblem(await api.call(callOf(target, path)), 404, "not_found")
      },
    )

    test.each(deletionsAbove(template).flatMap(({ what, path }) => STAGES.map((stage) => ({ what, path, stage }))))(
      "since its $what was deleted, is 404, the delete being $stage",
      async ({ path, stage }: Deletion & { stage: Stage }) => {
        const world = await givenWorld(api, stores(), stage)
        expectStatus(await api.call({ method: "DELETE", path: path(world) }), 204)
        const call = callOf(target, pathOf(template, world))
        expectProblem(await api.call(call), 404, "not_found")
        await reach(stage, stores())
        expectProblem(await api.call(call), 404, "not_found")
      },
    )
  })
}

/** Checks that a refused write has changed nothing. */
export async function expectUnchanged(api: ChatApi, { token, chat, message }: World): Promise<void> {
  expect(expectStatus(await api.getApplication(token), 200).name).toBe("first name")
  expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("first name")
  expect(expectStatus(await api.getMessage(token, chat, message), 200).body).toBe("first body")
}
