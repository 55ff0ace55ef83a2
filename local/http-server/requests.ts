import type { IncomingMessage } from "node:http"
import type { ErrorCode } from "../../lib/errors.ts"

/** Bound of path and query: five times the longest useful one, a search for 256 four-byte characters, encoded. */
const URI_BYTES_MAX = 16 * 1024
/** Bound of all headers together: the default of Node.js and of most proxies. */
const HEADERS_BYTES_MAX = 16 * 1024

/** A Host by RFC 9110, section 7.2: a name or an address, with or without a port. */
const HOST = /^(?:[a-z0-9._~!$&'()*+,;=%-]*|\[[0-9a-f:.]+\])(?::[0-9]*)?$/i
/** The form of target that is sent to a proxy (RFC 9112, section 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i

const sum = (texts: readonly string[]): number => texts.reduce((bytes, text) => bytes + text.length, 0)

/** Returns whether a request has what HTTP requires: in HTTP/1.1 one Host, and a path or URL as its target. */
function isRequest({ url = "", httpVersion, headersDistinct: { host = [] } }: IncomingMessage): boolean {
  if (host.length > 1 || !HOST.test(host[0] ?? "")) return false
  if (host.length === 0 && httpVersion !== "1.0") return false
  return url.startsWith("/") || ABSOLUTE_FORM.test(url)
}

/** Returns why the API cannot serve a request; undefined if it can. */
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
 * Returns the target of a request as a path that can be decoded. In a segment that cannot, the percent signs are
 * escaped, which makes it an ordinary path that matches no route.
 */
export function decodablePath(url: string): string {
  const target = url.replace(ABSOLUTE_FORM, "")
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  if (path.startsWith("/") && isDecodable(path)) return target
  const segments = path.split("/").map((segment) => (isDecodable(segment) ? segment : segment.replaceAll("%", "%25")))
  return `${segments.join("/") || "/"}${end === -1 ? "" : target.slice(end)}`
}

/** Returns headers as API Gateway passes them: names in lower case, the values of a repeated header joined. */
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
