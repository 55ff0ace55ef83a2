/** Returns the path of an application. Throws a TypeError for a token that would lead to another path. */
export function applicationPath(token: string): string {
  // Dots alone are taken away when the URL is made, also percent-encoded.
  if (typeof token !== "string" || !/[^.]/.test(token)) throw new TypeError("token: must be an application's token")
  return `/applications/${encodeURIComponent(token)}`
}

/** Returns a number as part of a path. Throws a RangeError if it is none that a chat or message can have. */
export function numberPart(number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError("number: must be a whole number from 1")
  return `${number}`
}
