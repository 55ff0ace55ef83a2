import { createHash } from "node:crypto"
import { ERROR_TEXTS } from "../../error-texts.ts"
import { ERROR_CODES, type ErrorCode } from "../../errors.ts"
import { docsScript } from "./docs-script.ts"

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d5dae1, #39404a); --soft: light-dark(#f4f6f8, #1d2127); --link: light-dark(#0b57c2, #8ab8ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 1rem 4rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif; background: light-dark(#fff, #14171b); color: light-dark(#1b2027, #e4e8ee); }
h1 { margin: 2rem 0 0; } h2 { margin: 2.5rem 0 .5rem; } h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
a { color: var(--link); } code, pre, textarea, input { font-family: ui-monospace, monospace; font-size: .9em; }
nav { display: flex; flex-wrap: wrap; position: sticky; top: 0; padding: .6rem 0; background: inherit; border-bottom: 1px solid var(--line); z-index: 1; }
nav a { margin-right: 1rem; text-transform: capitalize; }
section, dt, details { scroll-margin-top: 4rem; }
section > details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 1rem; }
section > details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: .6rem 0; } section > details > summary { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; list-style: none; }
summary code { overflow-wrap: anywhere; min-width: 0; } summary span { color: light-dark(#525b67, #a4aeba); }
.method { min-width: 4.2rem; text-align: center; border-radius: .3rem; font-size: .8rem; padding: .1rem .4rem; color: #fff; background: #1f6f43; }
.post { background: #0b57c2; } .put, .patch { background: #8a5300; } .delete { background: #b3261e; }
form { background: var(--soft); border-radius: .5rem; padding: .5rem 1rem 1rem; }
form p { margin: .5rem 0; } label { display: block; } small { color: light-dark(#525b67, #a4aeba); }
input, select, textarea { width: 100%; padding: .4rem; border: 1px solid var(--line); border-radius: .3rem; background: light-dark(#fff, #14171b); color: inherit; }
button { margin-top: .75rem; padding: .45rem 1.5rem; border: 0; border-radius: .3rem; background: #0b57c2; color: #fff; font: inherit; cursor: pointer; }
:focus-visible { outline: 3px solid #f2a20c; outline-offset: 2px; }
.output { overflow-wrap: anywhere; } pre { overflow-x: auto; background: var(--soft); padding: .5rem; border-radius: .3rem; white-space: pre-wrap; }
.good { color: light-dark(#1f6f43, #7ad69f); } .bad { color: light-dark(#b3261e, #ff9a92); } .good, .bad { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dd { margin: 0; }
.errors { grid-template-columns: 1fr; } .errors dd { margin: 0 0 .75rem; } :target { background: light-dark(#fff2cc, #4a3b0d); }
`

const ERRORS = Object.entries(ERROR_CODES)
  .map(
    ([code, { status, title }]) =>
      `<dt id="error-${code}"><code>${code}</code> · ${status} ${title}</dt><dd>${ERROR_TEXTS[code as ErrorCode].meaning}</dd>`,
  )
  .join("\n")

/** The page of GET /docs, complete but for the OpenAPI document. */
export const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat backend: the API</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Chat backend</h1>
<div id="about"></div>
<p><label for="admin-key">Admin key <small>for the calls that need one; it stays in this page</small></label>
<input id="admin-key" type="password" autocomplete="off" spellcheck="false"></p>
</header>
<nav id="contents" aria-label="Contents"><a href="#errors">errors</a></nav>
<main>
<div id="calls"><p>Reading <a href="/openapi.json">the OpenAPI document</a>…</p></div>
<section id="errors">
<h2>Errors</h2>
<p>Every error is <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is one of these and never changes its meaning.</p>
<dl class="errors">
${ERRORS}
</dl>
</section>
</main>
<script type="module">${docsScript}</script>
</body>
</html>
`

const source = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** Allows what the page contains, and requests to the API itself; nothing else. */
export const docsContentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${source(docsScript)}`,
  `style-src ${source(STYLE)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")
