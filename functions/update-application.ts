import { updateApplication } from "../lib/applications.ts"
import { ApplicationChanges, ApplicationPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// PUT, PATCH /applications/{token}
export const handler = endpoint({
  adminKeys: () => runtime().adminKeys,
  path: ApplicationPath,
  body: ApplicationChanges,
  run: async ({ path, body }, scope) => ok(await updateApplication(runtime(scope), path.token, body)),
})
