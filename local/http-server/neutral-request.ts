import type { IncomingMessage } from "node:http"
import type { ErrorCode } from "../../lib/errors.ts"

/** Of path and query: four times the longest that makes sense, a search for 256 characters of four bytes each, encoded. */
const URI_BYTES_MAX = 16 * 1024
/** Of all headers together, as Node.js has it and most proxies. */
const HEADERS_BYTES_MAX = 16 * 1024

/** The emulator takes a body of this type as bytes, and gives it to the function in base64. */
const TYPE_OF_BYTES = "application/octet-stream"
/** The emulator takes a type that is missing or empty for JSON; a blank it leaves as it is. */
const BLANK = " "

/** A host of RFC 9110, section 7.2: a name or an address, with or without a port. */
const HOST = /^(?:[a-z0-9._~!$&'()*+,;=%-]*|\[[0-9a-f:.]+\])(?::[0-9]*)?$/i
/** The form in which a proxy's clients ask (RFC 9112, section 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i

const sum = (texts: readonly string[]): number => texts.reduce((bytes, text) => bytes + text.length, 0)

/** HTTP/1.1 wants one Host, and a target that is a path, or a URL to a proxy. */
function isRequest({ url = "", httpVersion, headersDistinct: { host = [] } }: IncomingMessage): boolean {
  if (host.length > 1 || !HOST.test(host[0] ?? "")) return false
  if (host.length === 0 && httpVersion !== "1.0") return false
  return url.startsWith("/") || ABSOLUTE_FORM.test(url)
}

/** Returns why this is not a request that the API can be asked; undefined for one that it can. */
export function refusalOf(request: IncomingMessage): ErrorCode | undefined {
  const { url = "", rawHeaders } = request
  if (url.length > URI_BYTES_MAX) return "uri_too_long"
  if (sum(rawHeaders) > HEADERS_BYTES_MAX) return "headers_too_large"
  return isRequest(request) ? undefined : "bad_request"
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/**
 * Returns the target of a request as a path, and that as one that can be decoded: where a segment cannot, its percent
 * signs stand for themselves. It then is a path like others to which nothing leads.
 */
export function decodablePath(url: string): string {
  const target = url.replace(ABSOLUTE_FORM, "")
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  if (path.startsWith("/") && isDecodable(path)) return target
  const segments = path.split("/").map((segment) => (isDecodable(segment) ? segment : segment.replaceAll("%", "%25")))
  return `${segments.join("/") || "/"}${end === -1 ? "" : target.slice(end)}`
}

/** Returns headers as API Gateway gives them: by their names in lower case, all values of one that was repeated joined. */
export function joinedHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const joined = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase()
    const value = rawHeaders[index + 1] ?? ""
    const before = joined.get(name)
    joined.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return joined
}

/**
 * Leaves hapi and the emulator nothing in `request` to have an opinion about. They act on `headers`; the function's event
 * is made from `rawHeaders`, which still say what the client said.
 */
export function neutralize(request: IncomingMessage): void {
  const { headers, rawHeaders, url = "" } = request
  const joined = joinedHeaders(rawHeaders)
  if (!joined.get("content-type")) joined.set("content-type", BLANK)
  request.rawHeaders = [...joined].flat()
  request.url = decodablePath(url)
  headers["content-type"] = TYPE_OF_BYTES
  headers.host = "localhost"
  // The functions answer these (lib/http/reply/cors.ts).
  delete headers.origin
}
