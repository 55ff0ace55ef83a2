import type { APIGatewayProxyEventV2 } from "aws-lambda"
import { ApiError } from "../../errors.ts"
import { nestsDeeper } from "../../json-depth.ts"
import { parseKept } from "../../kept-json.ts"
import { LIMITS } from "../../limits.ts"
import { invalidFields } from "../reply/problem.ts"

const JSON_TYPE = "application/json"
const CHARSET_UTF8 = /^charset=(?:utf-?8|"utf-?8")$/

/** Returns whether a Content-Type is application/json or any +json, in UTF-8, declared at most once. */
function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  if (contentType === JSON_TYPE) return true
  const [type = "", ...parameters] = contentType.toLowerCase().split(";")
  const mediaType = type.trim()
  if (mediaType !== JSON_TYPE && !/^[a-z]+\/[^/,\s]+\+json$/.test(mediaType)) return false
  const charsets = parameters
    .map((parameter) => parameter.trim())
    .filter((parameter) => parameter.startsWith("charset"))
  return charsets.length <= 1 && charsets.every((charset) => CHARSET_UTF8.test(charset))
}

const malformed = (cause?: unknown): ApiError =>
  new ApiError("malformed_json", "The request body is not valid JSON in UTF-8.", { cause })

const tooLarge = (bytesMax: number): ApiError =>
  new ApiError("body_too_large", `The request body is larger than ${bytesMax} bytes.`)

const tooDeep = (): ApiError =>
  invalidFields([
    { in: "body", path: "", message: `the body must not be nested deeper than ${LIMITS.jsonDepthMax} levels` },
  ])

/** Made when first used: most bodies come as text, and a new process would take a millisecond for it. */
let decoder: InstanceType<typeof TextDecoder> | undefined

/**
 * Decodes a body that came as its bytes, in base64. Refuses bytes that are not UTF-8. A byte order mark stays, and is
 * refused as JSON (RFC 8259, section 8.1).
 */
function decodeBytes(body: string, bytesMax: number): string {
  const bytes = Buffer.from(body, "base64")
  if (bytes.length > bytesMax) throw tooLarge(bytesMax)
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw malformed(error)
  }
}

/**
 * Returns a body that the gateway has decoded. The gateway replaces bytes that are not UTF-8, which shows only if the
 * length then differs from the client's Content-Length.
 */
function decodedText(body: string, declaredBytes: string | undefined, bytesMax: number): string {
  const bytes = Buffer.byteLength(body)
  if (bytes > bytesMax) throw tooLarge(bytesMax)
  if (declaredBytes !== undefined && Number(declaredBytes) !== bytes) throw malformed()
  return body
}

/** Matches a body whose metadata must be kept as it is. In others a number is a number, however it is written. */
const KEPT = '"metadata"'

const parseJson = (text: string): unknown => (text.includes(KEPT) ? parseKept(text) : JSON.parse(text))

/**
 * Returns the parsed body, or `{}` if it is missing, or `null` in a POST, where some generated clients send that for
 * none. Throws 415 if it is not declared as JSON, 413 above `bytesMax`, 422 if nested too deep, 400 if it is not JSON in
 * UTF-8.
 */
export function readBody(
  { headers, body, isBase64Encoded, requestContext }: APIGatewayProxyEventV2,
  bytesMax: number = LIMITS.requestBytesMax,
): unknown {
  // A missing body differs between emulator and cloud.
  if (body === undefined || body === null || body === "") return {}
  const encoding = headers["content-encoding"]
  if (!isJsonType(headers["content-type"]) || (encoding !== undefined && encoding !== "identity"))
    throw new ApiError(
      "unsupported_media_type",
      "The request body must be JSON in UTF-8 (Content-Type: application/json).",
    )
  const text = isBase64Encoded ? decodeBytes(body, bytesMax) : decodedText(body, headers["content-length"], bytesMax)
  if (nestsDeeper(text, LIMITS.jsonDepthMax)) throw tooDeep()
  try {
    const parsed = parseJson(text)
    return parsed === null && requestContext.http.method === "POST" ? {} : parsed
  } catch (error) {
    throw malformed(error)
  }
}
