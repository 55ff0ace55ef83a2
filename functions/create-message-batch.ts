import { endpoint } from "../lib/http/endpoint.ts"
import { json } from "../lib/http/reply/replies.ts"
import { createMessages } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.createMessageBatch, async ({ path, params, body, idempotency }, scope) => {
  const { token, chat_number: chat } = params
  const { resource: data, replayed } = await createMessages(
    await runtime(scope),
    token,
    chat,
    body.messages,
    idempotency,
  )
  const [first = 0, last = 0] = [data[0]?.number, data.at(-1)?.number]
  const list = new URLSearchParams({ after: `${first - 1}`, before: `${last + 1}`, limit: `${data.length}` })
  const location = `${path.replace(/\/batch$/, "")}?${list}`
  return json(201, { data }, { location, ...(replayed && { "idempotency-replayed": "true" }) })
})
