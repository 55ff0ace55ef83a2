import { expect, test } from "@jest/globals"
import { freePort } from "../../test/steps/running-api.ts"
import { hangUp, problem, reply, serve } from "../../test/steps/scripted-server.ts"
import { checkApi, patientClient } from "./api.ts"

/** Three short waits; an import waits for minutes. */
const SOON_MS = 5_000
/** Enough failures that the client's waits, which grow, exceed the time after which an outage is reported. */
const LONG_OUTAGE = Array.from({ length: 6 }, () => hangUp)

test("An API that is not there is told within seconds, with its address and the reason", async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  const startedAt = performance.now()
  await expect(checkApi(url, undefined)).rejects.toThrow(`the API does not answer at ${url} (ECONNREFUSED)`)
  await expect(checkApi(url, "token")).rejects.toThrow("does it run, and is the URL right?")
  expect(performance.now() - startedAt).toBeLessThan(2 * SOON_MS)
})

test("An API that answers is there, and one that does not know the token is refused with its own words", async () => {
  const ready = await serve(reply(200, { status: "ready", dependencies: {} }))
  await expect(checkApi(ready.url, undefined)).resolves.toBeUndefined()
  expect(ready.received[0]?.url).toBe("/health/ready")
  const other = await serve(problem(404, "not_found"))
  await expect(checkApi(other.url, "token")).rejects.toThrow("It is not_found.")
})

test("An outage is told once, and its end", async () => {
  const said: string[] = []
  const { url } = await serve(...LONG_OUTAGE, reply(200, { name: "one" }), hangUp, reply(200, { name: "two" }))
  const application = patientClient({ url }, (line) => said.push(line)).application("token")
  await application.get()
  const outage = [expect.stringMatching(/^The API is away \(.+\), trying again$/), "The API is back"]
  expect(said).toEqual(outage)
  // A single lost answer is none.
  await application.get()
  expect(said).toEqual(outage)
}, 30_000)

test("An API that only limits the rate is not away", async () => {
  const said: string[] = []
  const limited = Array.from({ length: 6 }, () => problem(429, "rate_limited"))
  const { url } = await serve(...limited, reply(200, { name: "one" }))
  await patientClient({ url }, (line) => said.push(line))
    .application("token")
    .get()
  expect(said).toEqual([])
}, 30_000)
