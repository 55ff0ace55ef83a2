import type { MessageInput } from "./api-types.ts"

/** The most that the API takes at once: a hundred messages, and a body of 1 MiB. */
export const BATCH_MESSAGES_MAX = 100
export const BATCH_BYTES_MAX = 1_048_576

const HEAD = '{"messages":['
const TAIL = "]}"

export type Batch = { text: string; count: number }

/**
 * Yields the bodies of the requests that send `messages` in their order, each with as many as fit. The same messages
 * always give the same bodies, so that a repetition with the same Idempotency-Keys is one. A message that fits into no
 * body has one of its own, which the API refuses.
 */
export function* cutBatches(messages: Iterable<MessageInput>): Generator<Batch, void, undefined> {
  const encoder = new TextEncoder()
  let parts: string[] = []
  let bytes = HEAD.length + TAIL.length
  const batch = (): Batch => ({ text: `${HEAD}${parts.join(",")}${TAIL}`, count: parts.length })
  for (const message of messages) {
    const part = JSON.stringify(message)
    const more = encoder.encode(part).length + 1
    if (parts.length === BATCH_MESSAGES_MAX || (parts.length > 0 && bytes + more > BATCH_BYTES_MAX)) {
      yield batch()
      parts = []
      bytes = HEAD.length + TAIL.length
    }
    parts.push(part)
    bytes += more
  }
  if (parts.length > 0) yield batch()
}
