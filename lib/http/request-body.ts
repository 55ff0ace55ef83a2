import type { APIGatewayProxyEventV2 } from "aws-lambda"
import { LIMITS } from "../contract.ts"
import { ApiError } from "../errors.ts"
import { nestsDeeper } from "./json-depth.ts"
import { invalidFields } from "./problem.ts"

const JSON_TYPE = "application/json"
const CHARSET_UTF8 = /^charset=(?:utf-?8|"utf-?8")$/

/** What a decoder leaves in the place of bytes that are no UTF-8. */
const REPLACEMENT_CHARACTER = "\ufffd"

/** Strict: refuses what is not UTF-8. A byte order mark stays, and is refused as JSON (RFC 8259, section 8.1). */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Whether a Content-Type is application/json or anything +json, in UTF-8. */
function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  if (contentType === JSON_TYPE) return true
  const [type = "", ...parameters] = contentType.toLowerCase().split(";")
  const mediaType = type.trim()
  if (mediaType !== JSON_TYPE && !/^[a-z]+\/[^/]+\+json$/.test(mediaType)) return false
  return parameters.every((parameter) => !parameter.trim().startsWith("charset") || CHARSET_UTF8.test(parameter.trim()))
}

const malformed = (cause?: unknown): ApiError =>
  new ApiError("malformed_json", "The request body is not valid JSON in UTF-8.", { cause })

const tooLarge = (): ApiError =>
  new ApiError("body_too_large", `The request body is larger than ${LIMITS.requestBytesMax} bytes.`)

const notAnObject = (): ApiError => invalidFields([{ path: "", message: "the body must be a JSON object" }])

const tooDeep = (): ApiError =>
  invalidFields([{ path: "", message: `the body must not be nested deeper than ${LIMITS.jsonDepthMax} levels` }])

/** The body's text, from base64 where the gateway says so. */
function decode(body: string, isBase64Encoded: boolean): string {
  if (!isBase64Encoded) {
    // A UTF-16 unit takes one byte or more, so the cheap comparison settles most.
    if (body.length > LIMITS.requestBytesMax || Buffer.byteLength(body) > LIMITS.requestBytesMax) throw tooLarge()
    return body
  }
  const bytes = Buffer.from(body, "base64")
  if (bytes.length > LIMITS.requestBytesMax) throw tooLarge()
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw malformed(error)
  }
}

/**
 * A gateway hands a body over as text. Where that has not the length the client declared, either bytes that are no
 * UTF-8 were replaced on the way (all gateways), or a JSON string was unwrapped (serverless-offline).
 */
function assertUnchanged(text: string, declaredBytes: string | undefined): void {
  if (declaredBytes === undefined || Number(declaredBytes) === Buffer.byteLength(text)) return
  throw text.includes(REPLACEMENT_CHARACTER) ? malformed() : notAnObject()
}

/**
 * The event's body as parsed JSON, `{}` where there is none. Throws 415 for what is not declared as JSON, 413
 * above the limit, 422 for what is nested too deep, 400 for what is not JSON in UTF-8, 422 for a string or null that a
 * gateway has unwrapped.
 */
export function readBody(event: APIGatewayProxyEventV2): unknown {
  const { headers, isBase64Encoded } = event
  // serverless-offline hands `false` and `0` over unwrapped, and `null` and `""` as no body at all.
  const body: unknown = event.body
  const declaredBytes = headers["content-length"]
  if (body === undefined || body === null || body === "") {
    if (declaredBytes !== undefined && Number(declaredBytes) > 0) throw notAnObject()
    return {}
  }
  const encoding = headers["content-encoding"]
  if (!isJsonType(headers["content-type"]) || (encoding !== undefined && encoding !== "identity"))
    throw new ApiError(
      "unsupported_media_type",
      "The request body must be JSON in UTF-8 (Content-Type: application/json).",
    )
  if (typeof body !== "string") throw notAnObject()
  const text = decode(body, isBase64Encoded)
  if (!isBase64Encoded) assertUnchanged(text, declaredBytes)
  if (nestsDeeper(text, LIMITS.jsonDepthMax)) throw tooDeep()
  try {
    return JSON.parse(text)
  } catch (error) {
    throw malformed(error)
  }
}
