import { hash } from "node:crypto"
import * as z from "zod"
import type { ChangesPage, ChangesPosition, ChangesRequest } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { parseCursor } from "./cursor.ts"
import { limitParameter } from "./pages.ts"
import { ok, type Reply } from "./reply/replies.ts"

/** Where to begin instead of at the beginning: at the present. */
const LATEST = "latest"

const ChatParameter = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/, "must be the number of a chat")
  .transform(Number)
  .pipe(z.int().min(1).max(LIMITS.numberMax))
  .optional()
  .meta({ description: "Only this chat and its messages.", format: "int64", examples: [1] })

export const ChangesQuery = z.object({
  cursor: z
    .string()
    .min(1)
    .max(LIMITS.cursorMax)
    .optional()
    .meta({
      description:
        "The `next_cursor` of an earlier answer for the same application and chat. It is good for 14 days from the latest time at which its reader had everything: an answer without `has_more`, or the first one. " +
        "Without one: from the beginning. `latest`: no changes, only the cursor of the present.",
    }),
  limit: limitParameter(LIMITS.changesLimitDefault),
  chat: ChatParameter,
})

/** A revision, or a time by the clock that revisions are of: in µs. */
const Microseconds = z.int().min(0)
const ChangesCursor = z.tuple([z.string(), Microseconds, Microseconds, Microseconds])

/** Enough digits to detect a cursor of another application or chat. */
const SCOPE_HASH_DIGITS = 8
const hashScope = (scope: string): string => hash("sha256", scope, "hex").slice(0, SCOPE_HASH_DIGITS)

const encode = (scope: string, { revision, start, completeAt }: ChangesPosition): string =>
  Buffer.from(JSON.stringify([hashScope(scope), revision, start, completeAt])).toString("base64url")

function decode(scope: string, cursor: string): ChangesPosition {
  const read = ChangesCursor.safeParse(parseCursor(cursor))
  if (!read.success || read.data[0] !== hashScope(scope)) throw invalid("cursor", "is not a cursor of these changes")
  const [, revision, start, completeAt] = read.data
  return { revision, start, completeAt }
}

/** Returns the answer to who follows the changes at `path`, of which it reads a page with `read`. */
export async function answerChanges(
  path: string,
  { cursor, limit = LIMITS.changesLimitDefault, chat = 0 }: z.infer<typeof ChangesQuery>,
  read: (request: ChangesRequest) => Promise<ChangesPage>,
): Promise<Reply> {
  const scope = `${path}?chat=${chat}`
  const from = cursor === undefined ? "beginning" : cursor === LATEST ? LATEST : decode(scope, cursor)
  const { data, next, hasMore } = await read({ from, chat, limit })
  const reply = ok({ data, next_cursor: encode(scope, next), has_more: hasMore })
  if (!hasMore) return reply
  const parameters = new URLSearchParams({ limit: String(limit), ...(chat > 0 && { chat: String(chat) }) })
  parameters.set("cursor", encode(scope, next))
  return { ...reply, headers: { ...reply.headers, link: `<${path}?${parameters}>; rel="next"` } }
}
