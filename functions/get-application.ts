import { getApplication } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import * as operations from "../lib/operations/applications.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.getApplication, async ({ params }, scope) =>
  ok(await getApplication(await runtime(scope), params.token)),
)
