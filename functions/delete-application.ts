import { deleteApplication } from "../lib/applications.ts"
import { ApplicationPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { noContent } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// DELETE /applications/{token}
export const handler = endpoint({
  adminKeys: () => runtime().adminKeys,
  path: ApplicationPath,
  run: async ({ path }, scope) => {
    await deleteApplication(runtime(scope), path.token)
    return noContent()
  },
})
