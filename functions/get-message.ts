import { endpoint } from "../lib/http/endpoint.ts"
import { found } from "../lib/http/reply/entity-tag.ts"
import { getMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.getMessage, async ({ params }, scope) =>
  found(await getMessage(await runtime(scope), params.token, params.chat_number, params.number), scope.headers),
)
