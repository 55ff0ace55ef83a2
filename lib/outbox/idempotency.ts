import { createHash } from "node:crypto"
import { shardOfByte } from "./keys.ts"

/**
 * A client's Idempotency-Key, the concrete path it was sent to, and a hash of the admin key it was sent with. Neither key
 * has a line break, so what is joined by one below cannot be mistaken for something else.
 */
export type Idempotency = { key: string; path: string; adminKey?: string }

/** What a creation answers: `replayed` when the key had created it before. */
export type Created<T> = { resource: T; replayed: boolean }

/** 128 bits: two keys never collide, and with the 64 bits of a fingerprint a record stays below 150 bytes. */
const HASH_BYTES = 16
const FINGERPRINT_BYTES = 8

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest()

/** The key's name in Redis, and the shard that it falls into (for what has no shard of its own yet). */
export function idempotencyHash({ key, path, adminKey }: Idempotency): { hash: string; shard: string } {
  const digest = sha256([path, key, ...(adminKey === undefined ? [] : [adminKey])].join("\n"))
  return { hash: digest.toString("base64url", 0, HASH_BYTES), shard: shardOfByte(digest[HASH_BYTES] ?? 0) }
}

/** Tells one request body from another: equal for bodies that say the same after parsing. */
export const fingerprint = (input: unknown): string =>
  sha256(JSON.stringify(input)).toString("base64url", 0, FINGERPRINT_BYTES)
