import { createApplication } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { created } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/applications.ts"
import { adminKeys, runtime } from "../lib/runtime.ts"

export const handler = endpoint(
  operations.createApplication,
  async ({ path, body, idempotency }, scope) => {
    const { resource, replayed } = await createApplication(await runtime(scope), body, idempotency)
    return created(resource, `${path}/${resource.token}`, replayed)
  },
  adminKeys,
)
