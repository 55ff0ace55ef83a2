import { hash } from "node:crypto"
import { Logger } from "@aws-lambda-powertools/logger"

/**
 * The one logger: a JSON line per call. Its level is LOG_LEVEL (or POWERTOOLS_LOG_LEVEL), INFO unless told; SILENT
 * writes nothing. One process may answer many requests at once, so nothing that belongs to a request is ever appended
 * to it: pass such keys with each call.
 */
export const log = new Logger({ serviceName: "chat-backend" })

/** Enough to follow one application through the logs, not enough to be its token. */
const HASH_DIGITS = 8

/** What stands for an application's token in the logs: whoever knows the token can call the API, so it is never written. */
export const hashToken = (token: string): string => hash("sha256", token, "hex").slice(0, HASH_DIGITS)

/** A driver's error may chain many causes; the first ones say what went wrong. */
const CAUSES_MAX = 3

/**
 * What a log line says about `error`: its name, code, message, stack and causes. Other properties are left out, since
 * drivers put whole statements with their values there.
 */
export function describeError(error: unknown, causesMax = CAUSES_MAX): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = "code" in error ? String(error.code) : undefined
  const described = { name, code, message, stack }
  return cause === undefined || causesMax === 0
    ? described
    : { ...described, cause: describeError(cause, causesMax - 1) }
}
