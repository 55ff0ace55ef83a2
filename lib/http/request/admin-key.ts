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

/**
 * Throws 401 unless the request has one of `keys`. Returns that key's hash, which may stand for it. All hashes are
 * compared in constant time, so the duration reveals nothing of a key.
 */
export function requireAdminKey(event: APIGatewayProxyEventV2, keys: readonly string[]): string {
  const given = givenKey(event)
  const hash = sha256(given ?? "")
  const fitting = keys.filter((key) => timingSafeEqual(sha256(key), hash))
  if (given === undefined || fitting.length === 0)
    throw new ApiError("unauthorized", "This call needs a key: Authorization: Bearer <key>, or x-api-key: <key>.")
  return hash.toString("base64url")
}
