/** A host name, an IPv4 address or an IPv6 address in brackets, with or without a port. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i

/**
 * Returns where the API is, such as `https://chat.example.com`, without a slash at its end: PUBLIC_URL where that is set,
 * else what the caller itself has reached, by its Host header and, behind a proxy or gateway, X-Forwarded-Proto. Returns
 * an empty string where neither tells, so that a path appended to it is still a URI reference.
 */
export function baseUrl(headers: Readonly<Record<string, string | undefined>>): string {
  const { PUBLIC_URL } = process.env
  if (PUBLIC_URL) return PUBLIC_URL.replace(/\/+$/, "")
  const { host } = headers
  if (host === undefined || !HOST.test(host)) return ""
  return `${headers["x-forwarded-proto"] === "https" ? "https" : "http"}://${host}`
}
