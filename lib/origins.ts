/** Returns the origins in the text of CORS_ORIGINS, separated by commas or white space. */
export const corsOriginsOf = (text = ""): string[] => text.split(/[\s,]+/).filter((origin) => origin !== "")

/** Returns whether `origin` is written as browsers write it: scheme, host and port, and nothing else. */
export const isOrigin = (origin: string): boolean =>
  /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin
