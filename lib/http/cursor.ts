import { hash } from "node:crypto"
import * as z from "zod"
import type { Order, PageRequest, Position } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { TOKEN_PATTERN } from "../schemas.ts"

/** A list as its cursors identify it, by `path` (for a search, with the query). */
export type List = { path: string; keyedBy: "token" | "number" | "message" | "hit" }

/** Enough digits to detect a cursor of another list. Not a signature: a forged position reveals nothing. */
const PATH_HASH_DIGITS = 8

/** The last millisecond that RFC 3339 and a MySQL DATETIME can express, in the year 9999. */
const TIME_MAX = 253_402_300_799_999

const HEAD = [z.enum(["asc", "desc"]), z.string()] as const
const NumberCursor = z.tuple([...HEAD, z.int().min(1).max(LIMITS.numberMax)])
/** With the number at which the list ends, if any; see PageRequest. */
const MessageCursor = z.tuple([...NumberCursor.def.items, z.int().min(0).max(LIMITS.numberMax).optional()])
const CreatedAt = z.int().min(0).max(TIME_MAX)
const TokenCursor = z.tuple([...HEAD, z.string().regex(TOKEN_PATTERN), CreatedAt])
const HitCursor = z.tuple([...NumberCursor.def.items, CreatedAt, z.int().min(1).max(LIMITS.numberMax)])
const CURSORS = { number: NumberCursor, token: TokenCursor, message: MessageCursor, hit: HitCursor }

type Start = Pick<PageRequest, "order" | "until"> & { after: Position }

/** Returns what a cursor's list is known by. */
export const hashPath = (path: string): string => hash("sha256", path, "hex").slice(0, PATH_HASH_DIGITS)

/** Returns the base64url of [order, hash of the list's path, key], with created at (ms) and chat, or with `until`. */
export function encodeCursor(list: List, order: Order, { key, createdAt, chat }: Position, until?: Position): string {
  const fields = [order, hashPath(list.path), key, createdAt, chat, until?.key]
  return Buffer.from(JSON.stringify(fields.filter((field) => field !== undefined))).toString("base64url")
}

/** Returns the fields of a cursor, or undefined if it is none. */
export function parseCursor(cursor: string): unknown {
  const bytes = Buffer.from(cursor, "base64url")
  // Node ignores characters that are not base64url, so several texts would otherwise be one cursor.
  if (bytes.toString("base64url") !== cursor) return undefined
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch {
    return undefined
  }
}

/** Returns what a cursor says of a page. Throws 422 unless `encodeCursor` could have made it for `list`. */
export function decodeCursor(list: List, cursor: string): Start {
  // Every field is range-checked, since it goes into queries.
  const read = CURSORS[list.keyedBy].safeParse(parseCursor(cursor))
  if (!read.success || read.data[1] !== hashPath(list.path)) throw invalid("cursor", "is not a cursor of this list")
  const [order, , key, ...more] = read.data
  if (list.keyedBy === "message") {
    const [until] = more
    return { order, after: { key }, ...(until !== undefined && { until: { key: until } }) }
  }
  const [createdAt, chat] = more
  return { order, after: { key, ...(createdAt !== undefined && { createdAt }), ...(chat !== undefined && { chat }) } }
}
