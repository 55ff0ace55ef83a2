// An API with admin keys, and with origins whose pages may administer applications, over HTTP.
import { describe, expect, test } from "@jest/globals"
import { ADMIN_KEYS, describeAdminKey } from "../steps/admin-key-cases.ts"
import { httpTransport, type Transport } from "../steps/chat-api.ts"
import { type RunningApi, useApiProject } from "../steps/running-api.ts"

const ORIGIN = "https://admin.example.com"

const { project } = useApiProject()
let running: Promise<RunningApi> | undefined

async function withApi(action: (call: Transport) => Promise<void>): Promise<void> {
  running ??= project().start({ ADMIN_API_KEY: ADMIN_KEYS.join(" "), CORS_ORIGINS: `${ORIGIN} https://other.example` })
  await action(httpTransport((await running).baseUrl))
}

describeAdminKey(withApi)

describe("a page of another origin", () => {
  test.each([
    [ORIGIN, ORIGIN],
    ["https://page.example", null],
  ])("%s: administers applications if CORS_ORIGINS has its origin", async (origin, allowed) => {
    await withApi(async (call) => {
      const asked = { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" }
      const answers = [
        await call({ method: "OPTIONS", path: "/applications", headers: asked }),
        await call({ path: "/applications", headers: { origin, "x-api-key": ADMIN_KEYS[0] ?? "" } }),
        // The page can read why it was refused.
        await call({ path: "/applications", headers: { origin } }),
      ]
      expect(answers.map(({ status }) => status)).toEqual([204, 200, 401])
      for (const { headers } of answers)
        expect([headers["access-control-allow-origin"] ?? null, headers.vary]).toEqual([
          allowed,
          expect.stringContaining("origin"),
        ])
    })
  })
})
