import { hash } from "node:crypto"
import * as z from "zod"
import { type Order, type Position, TOKEN_PATTERN } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"

/** A list as its cursors know it: `path` (with the query, for a search) tells it from all others. */
export type List = { path: string; keyedBy: "token" | "number" | "hit" }

/** Tells a cursor of another list by accident; nobody gains by forging one, since a position shows nothing. */
const PATH_HASH_DIGITS = 8

/** The last millisecond that RFC 3339 (and a MySQL DATETIME) can write: the end of the year 9999. */
const TIME_MAX = 253_402_300_799_999

const Start = [z.enum(["asc", "desc"]), z.string()] as const
const NumberCursor = z.tuple([...Start, z.int().min(1).max(LIMITS.numberMax)])
const CreatedAt = z.int().min(0).max(TIME_MAX)
const TokenCursor = z.tuple([...Start, z.string().regex(TOKEN_PATTERN), CreatedAt])
const HitCursor = z.tuple([...NumberCursor.def.items, CreatedAt, z.int().min(1).max(LIMITS.numberMax)])
const CURSORS = { number: NumberCursor, token: TokenCursor, hit: HitCursor }

const hashPath = (path: string): string => hash("sha256", path, "hex").slice(0, PATH_HASH_DIGITS)

/** The opaque text for a position in `list`: base64url of [order, hash of the list's path, key, created at (ms), chat]. */
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

/**
 * The position and order behind a cursor of `list`. Throws 422 for anything that `encodeCursor` did not make for this
 * list; each field is checked for its range, since it goes on into queries.
 */
export function decodeCursor(list: List, cursor: string): { order: Order; after: Position } {
  const bytes = Buffer.from(cursor, "base64url")
  // Node skips over what is not base64url, so that many texts would stand for one cursor.
  const fields = bytes.toString("base64url") === cursor ? parseJson(bytes.toString("utf8")) : undefined
  const read = CURSORS[list.keyedBy].safeParse(fields)
  if (!read.success || read.data[1] !== hashPath(list.path)) throw invalid("cursor", "is not a cursor of this list")
  const [order, , key, createdAt, chat] = read.data
  return { order, after: { key, ...(createdAt !== undefined && { createdAt }), ...(chat !== undefined && { chat }) } }
}
