import { createHash } from "node:crypto"
import { shardOfByte } from "./keys.ts"

/** A client's Idempotency-Key, the concrete path it was sent to, and a hash of the admin key. */
export type Idempotency = { key: string; path: string; adminKey?: string }

/** The outcome of a creation; `replayed` if the idempotency key had created it before. */
export type Created<T> = { resource: T; replayed: boolean }

/** 128 bits never collide; with a 64-bit fingerprint a record stays below 150 bytes. */
const HASH_BYTES = 16
const FINGERPRINT_BYTES = 8

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Returns the key's name in Redis, and the shard that it falls into if nothing else decides one. */
export function idempotencyHash({ key, path, adminKey }: Idempotency): { hash: string; shard: string } {
  // Joining is unambiguous, since none of them has a line break.
  const digest = sha256([path, key, ...(adminKey === undefined ? [] : [adminKey])].join("\n"))
  return { hash: digest.toString("base64url", 0, HASH_BYTES), shard: shardOfByte(digest[HASH_BYTES] ?? 0) }
}

/**
 * Returns a fingerprint, equal for states that request bodies give which are equal after parsing: one state, or those of
 * a batch. Members that are null do not count: a newer release gives one to every body that does not have it, and must
 * know the repetition of a creation that an older release answered.
 */
export function fingerprint(...states: object[]): string {
  const given = (state: object) => Object.fromEntries(Object.entries(state).filter(([, value]) => value !== null))
  // JSON has no line breaks of its own.
  const text = states.map((state) => JSON.stringify(given(state))).join("\n")
  return sha256(text).toString("base64url", 0, FINGERPRINT_BYTES)
}
