import { eraseMessages } from "../lib/erasure.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerErasure } from "../lib/http/erasure.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.deleteMessages, ({ path, params, query }, scope) =>
  answerErasure(path, query, async (from) =>
    eraseMessages(await runtime(scope), params.token, params.chat_number, query.sender, from),
  ),
)
