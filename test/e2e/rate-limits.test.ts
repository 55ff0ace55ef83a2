// Rate limits over HTTP, by the address of the connection.
import { expect, test } from "@jest/globals"
import { expectStatus, httpTransport } from "../steps/chat-api.ts"
import { useApiProject } from "../steps/running-api.ts"

const { project } = useApiProject()

test("a client at its limits, whatever address it claims: is refused, and told so in headers that scripts may read", async () => {
  const { baseUrl, chats } = await project().start({ RATE_LIMIT_ADDRESS: "4", RATE_LIMIT_APPLICATION: "100" })
  const call = httpTransport(baseUrl)
  const token = await chats.givenApplication()
  const path = `/applications/${token}`
  const headers = (address: number) => ({ origin: "https://app.example", "x-forwarded-for": `203.0.113.${address}` })
  for (let left = 2; left >= 0; left--) {
    const answer = await call({ path, headers: headers(left) })
    expectStatus(answer, 200)
    expect(answer.headers.ratelimit).toMatch(new RegExp(`^"application";r=9[0-9];t=\\d+, "address";r=${left};t=\\d+$`))
    expect(answer.headers["ratelimit-policy"]).toBe('"application";q=100;w=60, "address";q=4;w=60')
  }
  const refused = await call({ path, headers: headers(9) })
  expect([refused.status, refused.body.code]).toEqual([429, "rate_limited"])
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0)
  expect(refused.headers.ratelimit).toContain('"address";r=0;')
  const exposed = String(refused.headers["access-control-expose-headers"]).toLowerCase()
  for (const name of ["ratelimit", "ratelimit-policy", "retry-after"]) expect(exposed).toContain(name)
  expectStatus(await call({ path: "/health" }), 200)
})
