import { deleteApplication } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ifMatch } from "../lib/http/reply/entity-tag.ts"
import { noContent } from "../lib/http/reply/replies.ts"
import * as operations from "../lib/operations/applications.ts"
import { adminKeys, runtime } from "../lib/runtime.ts"

export const handler = endpoint(
  operations.deleteApplication,
  async ({ params }, scope) => {
    await deleteApplication(await runtime(scope), params.token, {
      precondition: ifMatch(scope.headers),
    })
    return noContent()
  },
  adminKeys,
)
