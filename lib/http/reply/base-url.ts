/** Matches a host name, an IPv4 address or a bracketed IPv6 address, with or without a port. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i

/**
 * Returns the API's URL without a trailing slash, such as `https://chat.example.com`: PUBLIC_URL, or else what the
 * caller reached, by Host and, behind a proxy or gateway, X-Forwarded-Proto. Returns "" if neither is known, so that a
 * path appended to it is still a URI reference.
 */
export function baseUrl(headers: Readonly<Record<string, string | undefined>>): string {
  const { PUBLIC_URL } = process.env
  if (PUBLIC_URL) return PUBLIC_URL.replace(/\/+$/, "")
  const { host } = headers
  if (host === undefined || !HOST.test(host)) return ""
  return `${headers["x-forwarded-proto"] === "https" ? "https" : "http"}://${host}`
}
