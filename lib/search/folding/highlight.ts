import type { FoldedQuery } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

/** Escapes text for HTML, also inside a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character)
}

/**
 * Returns the matches of `needle` in the folded `body`, leftmost first, as UTF-16 offsets in `body`. A match covers
 * whole characters ("s" in "ß" covers all of it), and matches that share a character become one.
 */
function findMatches(body: string, needle: FoldedQuery): { start: number; end: number }[] {
  if (needle === "") return []
  const { folded, original } = foldWithOffsets(body)
  const matches: { start: number; end: number }[] = []
  let previous: { start: number; end: number } | undefined
  for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, at + needle.length)) {
    const match = original(at, at + needle.length)
    if (previous && match.start < previous.end) {
      previous.end = Math.max(previous.end, match.end)
    } else {
      matches.push(match)
      previous = match
    }
  }
  return matches
}

/** Returns the body as escaped HTML, each match of `query` in `<em>…</em>`. Undoing both restores the exact body. */
export function highlight(body: string, query: FoldedQuery): string {
  let html = ""
  let end = 0
  for (const match of findMatches(body, query)) {
    html += `${escapeHtml(body.slice(end, match.start))}<em>${escapeHtml(body.slice(match.start, match.end))}</em>`
    end = match.end
  }
  return html + escapeHtml(body.slice(end))
}
