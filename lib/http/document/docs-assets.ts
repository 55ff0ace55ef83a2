import { hash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { constants, gzipSync } from "node:zlib"
import { readScalar } from "./scalar.ts"

/** A file of the docs page: its media type, a hash of its content, and the content, compressed by gzip, in Base64. */
export type DocsAsset = { type: string; hash: string; gzip: string }

/** As many characters of a hash as an ETag has. */
const HASH_CHARACTERS = 22

const BROWSER = join(import.meta.dirname, "browser")

const assetOf = (type: string, content: string): DocsAsset => ({
  type: `${type}; charset=utf-8`,
  hash: hash("sha256", content, "base64url").slice(0, HASH_CHARACTERS),
  gzip: gzipSync(content, { level: constants.Z_BEST_COMPRESSION }).toString("base64"),
})

/**
 * Returns the files of the docs page by name. A bundle has no files beside it, so local/bundle/bundled-docs.cjs replaces
 * this module by one that holds what it returns.
 */
export const readDocsAssets = (): Record<string, DocsAsset> => ({
  "scalar.js": assetOf("text/javascript", readScalar()),
  "policy.js": assetOf("text/javascript", readFileSync(join(BROWSER, "policy.js"), "utf8")),
  "page.js": assetOf("text/javascript", readFileSync(join(BROWSER, "page.js"), "utf8")),
  "page.css": assetOf("text/css", readFileSync(join(BROWSER, "page.css"), "utf8")),
})
