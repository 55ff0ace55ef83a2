import { getApplication } from "../lib/applications.ts"
import { ApplicationPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// GET /applications/{token}
export const handler = endpoint({
  path: ApplicationPath,
  run: async ({ path }, scope) => ok(await getApplication(runtime(scope), path.token)),
})
