import { updateApplication } from "../lib/applications.ts"
import { byMethod, endpoint } from "../lib/http/endpoint.ts"
import { changed, ifMatch } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/applications.ts"
import { adminKeys, runtime } from "../lib/runtime.ts"

export const handler = byMethod(
  endpoint(
    operations.updateApplication,
    async ({ params, body }, scope) => {
      const terms = { precondition: ifMatch(scope.headers) }
      return changed(await updateApplication(await runtime(scope), params.token, body, terms))
    },
    adminKeys,
  ),
  {
    PATCH: endpoint(
      operations.updateApplicationByPatch,
      async ({ params, body }, scope) => {
        const terms = { keepsMembers: true, precondition: ifMatch(scope.headers) }
        return changed(await updateApplication(await runtime(scope), params.token, body, terms))
      },
      adminKeys,
    ),
  },
)
