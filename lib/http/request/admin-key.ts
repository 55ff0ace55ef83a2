import { createHash, timingSafeEqual } from "node:crypto"
import type { APIGatewayProxyEventV2 } from "aws-lambda"
import { ApiError } from "../../errors.ts"

/** The scheme is case-insensitive (RFC 9110, section 11.1). */
const BEARER = /^bearer +([\x21-\x7e]+)$/i

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Returns the request's key: `Authorization: Bearer`, else `x-api-key`. */
function givenKey({ headers }: APIGatewayProxyEventV2): string | undefined {
  const [, bearer] = BEARER.exec(headers.authorization ?? "") ?? []
  return bearer ?? headers["x-api-key"]
}

/** All hashes are compared in constant time, so the duration reveals nothing of a key. */
const hasKey = (keys: readonly string[], hash: Buffer): boolean =>
  keys.filter((key) => timingSafeEqual(sha256(key), hash)).length > 0

/**
 * Throws 401 unless the request has one of `keys`, or of `latestKeys`, which are asked for if it has another. Returns
 * the hash of its key, which may stand for it.
 */
export async function requireAdminKey(
  event: APIGatewayProxyEventV2,
  keys: readonly string[],
  latestKeys: () => Promise<readonly string[] | undefined>,
): Promise<string> {
  const given = givenKey(event)
  const hash = sha256(given ?? "")
  const isKnown = given !== undefined && (hasKey(keys, hash) || hasKey((await latestKeys()) ?? [], hash))
  if (!isKnown)
    throw new ApiError("unauthorized", "This call needs a key: Authorization: Bearer <key>, or x-api-key: <key>.")
  return hash.toString("base64url")
}
