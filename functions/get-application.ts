import { getApplication } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { found } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/applications.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.getApplication, async ({ params }, scope) =>
  found(await getApplication(await runtime(scope), params.token), scope.headers),
)
