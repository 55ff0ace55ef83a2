// Stands for iconv-lite in bundles. mysql2 converts UTF-8, Latin-1, ASCII and UTF-16 by itself, and asks for all other
// character sets here.

/** mysql2's name of utf8mb3, which servers use in their greeting: UTF-8 without characters of four bytes. */
const UTF8MB3 = "cesu8"

function requireKnown(encoding) {
  if (encoding === UTF8MB3) return
  throw new Error(`The bundle of this function knows no character set ${encoding}: local/bundle/utf8-only.cjs`)
}

exports.getDecoder = (encoding) => {
  requireKnown(encoding)
  return { write: (bytes) => bytes.toString("utf8"), end: () => undefined }
}

exports.getEncoder = (encoding) => {
  requireKnown(encoding)
  return { write: (text) => Buffer.from(text, "utf8"), end: () => undefined }
}
