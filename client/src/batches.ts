import type { MessageInput } from "./api-types.ts"
import { errorOf, ValidationFailedError } from "./errors.ts"

/** The most that the API takes at once: a hundred messages, and a body of 1 MiB. */
export const BATCH_MESSAGES_MAX = 100
export const BATCH_BYTES_MAX = 1_048_576

/** The API's 255 without room for the number of a batch. */
export const BATCH_KEY_MAX = 240

const HEAD = '{"messages":['
const TAIL = "]}"

/** A request's body, the index of its first message, and its Idempotency-Key if the caller has given one. */
export type Batch = { text: string; first: number; key: string | undefined }

/**
 * Yields the bodies of the requests that send `messages` in their order, each with as many as fit. The same messages
 * always give the same bodies, so that a repetition with the same Idempotency-Keys is one. A message that fits into no
 * body has one of its own, which the API refuses. Throws a RangeError before all requests if `key` is too long.
 */
export function* cutBatches(messages: MessageInput[], key?: string): Generator<Batch, void, undefined> {
  if ((key?.length ?? 0) > BATCH_KEY_MAX) throw new RangeError(`idempotencyKey: at most ${BATCH_KEY_MAX} characters`)
  const encoder = new TextEncoder()
  let parts: string[] = []
  let bytes = HEAD.length + TAIL.length
  let first = 0
  let batches = 0
  const batch = (): Batch => {
    const text = `${HEAD}${parts.join(",")}${TAIL}`
    return { text, first, key: key === undefined || batches === 0 ? key : `${key}.${batches}` }
  }
  for (const message of messages) {
    const part = JSON.stringify(message)
    const more = encoder.encode(part).length + 1
    if (parts.length === BATCH_MESSAGES_MAX || (parts.length > 0 && bytes + more > BATCH_BYTES_MAX)) {
      yield batch()
      batches++
      first += parts.length
      parts = []
      bytes = HEAD.length + TAIL.length
    }
    parts.push(part)
    bytes += more
  }
  if (parts.length > 0) yield batch()
}

/** Returns the error of a batch so that it names messages by their index among all, of which `first` is its first. */
export function fromFirst(first: number, error: unknown): unknown {
  if (first === 0 || !(error instanceof ValidationFailedError)) return error
  const named = (text: string): string =>
    text.replace(/\bmessages\.(\d+)/g, (_, index: string) => `messages.${first + Number(index)}`)
  const errors = error.errors.map((field) => ({ ...field, path: named(field.path) }))
  return errorOf({ ...error, detail: named(error.detail), errors })
}
