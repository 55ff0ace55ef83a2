import * as z from "zod"
import type { Erased, ErasurePosition } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { keptText, textSchema } from "../schemas.ts"
import { hashPath, parseCursor } from "./cursor.ts"
import { ok, type Reply } from "./reply/replies.ts"

export const ErasureQuery = z.object({
  sender: keptText(LIMITS.senderMax).meta({
    description: "Whose messages: those with exactly this `sender`.",
    examples: ["customer-4711"],
    ...textSchema(LIMITS.senderMax),
  }),
  cursor: z
    .string()
    .min(1)
    .max(LIMITS.cursorMax)
    .optional()
    .meta({ description: "The `next_cursor` of the step before, for the same chat and sender." }),
})

const MessageNumber = z.int().min(1).max(LIMITS.numberMax)
const ErasureCursor = z.tuple([z.string(), MessageNumber, MessageNumber])

/** Returns what a cursor belongs to. The path of a list or search differs, so that their cursors do. */
const scopeOf = (path: string, sender: string): string => hashPath(`${path}?erase=${JSON.stringify(sender)}`)

const encode = (scope: string, { after, last }: ErasurePosition): string =>
  Buffer.from(JSON.stringify([scope, after, last])).toString("base64url")

function decode(scope: string, cursor: string): ErasurePosition {
  const read = ErasureCursor.safeParse(parseCursor(cursor))
  if (!read.success || read.data[0] !== scope) throw invalid("cursor", "is not a cursor of this erasure")
  const [, after, last] = read.data
  return { after, last }
}

/** Returns the answer of a step of the erasure of `sender` at `path`, which `erase` carries out. */
export async function answerErasure(
  path: string,
  { sender, cursor }: z.infer<typeof ErasureQuery>,
  erase: (from?: ErasurePosition) => Promise<Erased>,
): Promise<Reply> {
  const scope = scopeOf(path, sender)
  const { deleted, next } = await erase(cursor === undefined ? undefined : decode(scope, cursor))
  return ok({ deleted, next_cursor: next && encode(scope, next) })
}
