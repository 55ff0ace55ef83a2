import { randomBytes } from "node:crypto"
import { gunzipSync } from "node:zlib"
import { knows } from "../reply/entity-tag.ts"
import { type Reply, text } from "../reply/replies.ts"
import { readDocsAssets } from "./docs-assets.ts"

const ASSETS = readDocsAssets()

/** 128 bits cannot be guessed. */
const NONCE_BYTES = 16

/** A year, the longest that is of use: an address has the hash of its content, so it never changes. */
const FOREVER = "public, max-age=31536000, immutable"

const addressOf = (name: string): string => `docs/${name}?v=${ASSETS[name]?.hash}`

const page = (nonce: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="csp-nonce" content="${nonce}">
<title>Chat backend: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${addressOf("page.css")}">
<script src="${addressOf("policy.js")}" type="module"></script>
<script src="${addressOf("scalar.js")}" defer></script>
<script src="${addressOf("page.js")}" type="module"></script>
</head>
<body>
<form id="access" aria-label="Keys for the calls of this page">
<label>Token of an application <input name="token" placeholder="for every call and sample below" autocomplete="off" spellcheck="false"></label>
<label>Admin key <input name="adminKey" type="password" placeholder="if the API has one" autocomplete="off"></label>
</form>
<div id="reference"></div>
<noscript><p>This page needs a script. <a href="openapi.json">The OpenAPI document</a> says the same.</p></noscript>
</body>
</html>
`

/** Allows what the API serves, and the styles that the reference makes in the page; requests go to the API alone. */
const contentSecurityPolicy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ")

/** Returns the page of GET /docs. */
export function docsPage(): Reply {
  const nonce = randomBytes(NONCE_BYTES).toString("base64url")
  return text("text/html; charset=utf-8", page(nonce), { "content-security-policy": contentSecurityPolicy(nonce) })
}

type Headers = Readonly<Record<string, string | undefined>>

const takesGzip = ({ "accept-encoding": accepted = "" }: Headers): boolean =>
  /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(accepted)

/**
 * Returns a file of the page, compressed unless the client cannot read that, or undefined if there is none. `version` is
 * the hash in its address: only what has this content may be kept for good.
 */
export function docsAsset(name: string, version: string | undefined, headers: Headers): Reply | undefined {
  const asset = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined
  if (asset === undefined) return undefined
  const etag = `"${asset.hash}"`
  const kept = {
    etag,
    vary: "accept-encoding",
    "cache-control": version === asset.hash ? FOREVER : "no-cache",
  }
  if (knows(headers, etag)) return { status: 304, headers: kept }
  const isCompressed = takesGzip(headers)
  return {
    status: 200,
    headers: { "content-type": asset.type, ...kept, ...(isCompressed && { "content-encoding": "gzip" }) },
    body: isCompressed ? asset.gzip : gunzipSync(Buffer.from(asset.gzip, "base64")).toString("utf8"),
    isBase64Encoded: isCompressed,
  }
}
