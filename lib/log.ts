import { hash } from "node:crypto"
import { Logger } from "@aws-lambda-powertools/logger"

/**
 * The only logger: a JSON line per call, from the level LOG_LEVEL (or POWERTOOLS_LOG_LEVEL; default INFO; SILENT:
 * none). A process may serve many requests at once, so pass a request's keys with each call, never append them.
 */
export const log = new Logger({ serviceName: "chat-backend" })

/** Enough to follow one application through the logs, and far too little to be its token. */
const HASH_DIGITS = 8

/** Returns what logs show for an application's token: whoever has the token can call the API. */
export const hashToken = (token: string): string => hash("sha256", token, "hex").slice(0, HASH_DIGITS)

/** A driver's error may chain many causes; the first ones tell what went wrong. */
const CAUSES_MAX = 3

/** Returns `error`'s name, code, message, stack and causes, not properties where drivers put statements and values. */
export function describeError(error: unknown, causesMax = CAUSES_MAX): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = "code" in error ? String(error.code) : undefined
  const described = { name, code, message, stack }
  return cause === undefined || causesMax === 0
    ? described
    : { ...described, cause: describeError(cause, causesMax - 1) }
}
