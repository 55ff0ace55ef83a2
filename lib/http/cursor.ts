import { hash } from "node:crypto"
import * as z from "zod"
import type { Order, Position } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { TOKEN_PATTERN } from "../schemas.ts"

/** A list as its cursors identify it, by `path` (for a search, with the query). */
export type List = { path: string; keyedBy: "token" | "number" | "hit" }

/** Enough digits to detect a cursor of another list. Not a signature: a forged position reveals nothing. */
const PATH_HASH_DIGITS = 8

/** The last millisecond that RFC 3339 and a MySQL DATETIME can express, in the year 9999. */
const TIME_MAX = 253_402_300_799_999

const Start = [z.enum(["asc", "desc"]), z.string()] as const
const NumberCursor = z.tuple([...Start, z.int().min(1).max(LIMITS.numberMax)])
const CreatedAt = z.int().min(0).max(TIME_MAX)
const TokenCursor = z.tuple([...Start, z.string().regex(TOKEN_PATTERN), CreatedAt])
const HitCursor = z.tuple([...NumberCursor.def.items, CreatedAt, z.int().min(1).max(LIMITS.numberMax)])
const CURSORS = { number: NumberCursor, token: TokenCursor, hit: HitCursor }

const hashPath = (path: string): string => hash("sha256", path, "hex").slice(0, PATH_HASH_DIGITS)

/** Returns the base64url of [order, hash of the list's path, key, created at (ms), chat]. */
export function encodeCursor(list: List, order: Order, { key, createdAt, chat }: Position): string {
  const fields = [order, hashPath(list.path), key, createdAt, chat]
  return Buffer.from(JSON.stringify(fields.filter((field) => field !== undefined))).toString("base64url")
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Returns a cursor's position and order. Throws 422 unless `encodeCursor` could have made it for `list`. */
export function decodeCursor(list: List, cursor: string): { order: Order; after: Position } {
  const bytes = Buffer.from(cursor, "base64url")
  // Node ignores characters that are not base64url, so several texts would otherwise be one cursor.
  const fields = bytes.toString("base64url") === cursor ? parseJson(bytes.toString("utf8")) : undefined
  // Every field is range-checked, since it goes into queries.
  const read = CURSORS[list.keyedBy].safeParse(fields)
  if (!read.success || read.data[1] !== hashPath(list.path)) throw invalid("cursor", "is not a cursor of this list")
  const [order, , key, createdAt, chat] = read.data
  return { order, after: { key, ...(createdAt !== undefined && { createdAt }), ...(chat !== undefined && { chat }) } }
}
