import { createApplication } from "../lib/applications.ts"
import { ApplicationIdempotencyKey, ApplicationInput } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { applicationsPath } from "../lib/http/paths.ts"
import { created } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// POST /applications
export const handler = endpoint({
  adminKeys: () => runtime().adminKeys,
  body: ApplicationInput,
  idempotencyKey: ApplicationIdempotencyKey,
  run: async ({ body, idempotencyKey: key }, scope) => {
    const path = applicationsPath()
    const idempotency =
      key === undefined ? key : { key, path, ...(scope.adminKey !== undefined && { adminKey: scope.adminKey }) }
    const { resource, replayed } = await createApplication(runtime(scope), body, idempotency)
    return created(resource, `${path}/${resource.token}`, replayed)
  },
})
