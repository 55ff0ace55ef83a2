import { expect, jest, test } from "@jest/globals"
import { log } from "../../lib/log.ts"
import { ADMIN_KEYS, describeAdminKey } from "../steps/admin-key-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"

useTestStores()
const call = directTransport()

describeAdminKey((action) => withEnvironment({ ADMIN_API_KEY: ADMIN_KEYS.join(",") }, () => action(call)))

test("a key, right or wrong, is in no log line", async () => {
  const lines = (["info", "warn", "error"] as const).map((level) =>
    jest.spyOn(log, level).mockImplementation(() => undefined),
  )
  const wrong = "a wrong key that nobody should see".replaceAll(" ", "-")
  await withEnvironment({ ADMIN_API_KEY: ADMIN_KEYS[0] }, async () => {
    for (const key of [ADMIN_KEYS[0], wrong]) await call({ path: "/applications", headers: { "x-api-key": key } })
  })
  const logged = JSON.stringify(lines.map(({ mock }) => mock.calls))
  for (const line of lines) line.mockRestore()
  expect(logged).toContain('"code":"unauthorized"')
  expect(logged).not.toContain(ADMIN_KEYS[0])
  expect(logged).not.toContain(wrong)
})

test("without keys, applications are created and listed by anyone, whatever key they bring", async () => {
  const headers = { authorization: "Bearer of-whatever" }
  expectStatus(await chatApi(call).createApplication({ name: "open" }, { headers }), 201)
  expectStatus(await chatApi(call).listApplications(), 200)
})
