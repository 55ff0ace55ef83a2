import { expect, test } from "@jest/globals"
import type { Dependency } from "../../lib/errors.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

useTestStores()
const api = chatApi(directTransport())

const DEPENDENCIES: Dependency[] = ["mysql", "redis", "sqs", "elasticsearch"]
const state = (word: "up" | "down") => ({ state: word, latency_ms: expect.any(Number) })
const all = Object.fromEntries(DEPENDENCIES.map((name) => [name, state("up")]))

test("with all dependencies there, readiness is 200 and each is up, with its latency", async () => {
  const answer = await api.call({ path: "/health/ready" })
  expect(expectStatus(answer, 200)).toEqual({ status: "ready", dependencies: all })
})

test.each(DEPENDENCIES)("with %s away, readiness is 503 and only that one is down", async (dependency) => {
  const answer = await withEnvironment(away(dependency), () => api.call({ path: "/health/ready" }))
  expect(expectStatus(answer, 503)).toEqual({
    status: "not_ready",
    dependencies: { ...all, [dependency]: state("down") },
  })
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
})
