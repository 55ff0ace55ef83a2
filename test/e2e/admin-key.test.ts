// An API that has admin keys, over HTTP.
import { ADMIN_KEYS, describeAdminKey } from "../steps/admin-key-cases.ts"
import { httpTransport } from "../steps/chat-api.ts"
import { type RunningApi, useApiProject } from "../steps/running-api.ts"

const { project } = useApiProject()
let running: Promise<RunningApi> | undefined

describeAdminKey(async (action) => {
  running ??= project().start({ ADMIN_API_KEY: ADMIN_KEYS.join(" ") })
  await action(httpTransport((await running).baseUrl))
})
