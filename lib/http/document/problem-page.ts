import { createHash } from "node:crypto"
import { ERROR_TEXTS } from "../../error-texts.ts"
import { ERROR_CODES, type ErrorCode } from "../../errors.ts"

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 42rem; font: 16px/1.6 system-ui, sans-serif; background: light-dark(#fff, #14171b); color: light-dark(#1b2027, #e4e8ee); }
h1 { line-height: 1.25; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
a { color: light-dark(#0b57c2, #8ab8ff); } code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
ul { padding-left: 1.25rem; }
`

/** Allows the page's own style and nothing else. */
export const problemContentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" }

/** Returns a text as HTML, with what is between backquotes as code. */
const html = (text: string): string =>
  text.replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? character).replaceAll(/`([^`]+)`/g, "<code>$1</code>")

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code)

const LIST = Object.entries(ERROR_CODES)
  .map(
    ([code, { status, title }]) => `<li><a href="/problems/${code}"><code>${code}</code></a>: ${status} ${title}</li>`,
  )
  .join("\n")

/** Returns the page of GET /problems/{code}, to which the `type` of that error leads. */
export function problemPage(code: ErrorCode): string {
  const { status, title } = ERROR_CODES[code]
  const { meaning, remedy } = ERROR_TEXTS[code]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Chat backend</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>Status ${status}, <code>code</code> <code>${code}</code></p>
<h2>What it means</h2>
<p>${html(meaning)}</p>
<h2>What to do</h2>
<p>${html(remedy)}</p>
<h2>All errors</h2>
<p>Every error is <code>application/problem+json</code> (RFC 9457). Its <code>code</code> never changes its meaning, and its <code>request_id</code> finds the request in the log.</p>
<ul>
${LIST}
</ul>
<p><a href="/docs">The reference of the API</a></p>
</main>
</body>
</html>
`
}
