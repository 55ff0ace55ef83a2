import { updateApplication } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import * as operations from "../lib/operations/applications.ts"
import { adminKeys, runtime } from "../lib/runtime.ts"

export const handler = endpoint(
  operations.updateApplication,
  async ({ params, body }, scope) => ok(await updateApplication(await runtime(scope), params.token, body)),
  adminKeys,
)
