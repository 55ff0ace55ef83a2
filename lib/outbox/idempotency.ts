import { createHash } from "node:crypto"
import { shardOfByte } from "./keys.ts"

/** A client's Idempotency-Key and the concrete path (with the method) it was sent to. */
export type Idempotency = { key: string; path: string }

/** What a creation answers: `replayed` when the key had created it before. */
export type Created<T> = { resource: T; replayed: boolean }

/** 128 bits: two keys never collide, and with the 64 bits of a fingerprint a record stays below 150 bytes. */
const HASH_BYTES = 16
const FINGERPRINT_BYTES = 8

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest()

/** The key's name in Redis, and the shard that it falls into (for what has no shard of its own yet). */
export function idempotencyHash({ key, path }: Idempotency): { hash: string; shard: string } {
  const digest = sha256(`${path}\n${key}`)
  return { hash: digest.toString("base64url", 0, HASH_BYTES), shard: shardOfByte(digest[HASH_BYTES] ?? 0) }
}

/** Tells one request body from another: equal for bodies that say the same after parsing. */
export const fingerprint = (input: unknown): string =>
  sha256(JSON.stringify(input)).toString("base64url", 0, FINGERPRINT_BYTES)
