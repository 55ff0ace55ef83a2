import type { FoldedQuery } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

/** Safe as text and inside a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character)
}

/**
 * Where `needle` is found in `body`, once that is folded too, leftmost first and without overlap, as UTF-16 offsets in `body`.
 * A match covers whole characters: one that lies inside what a character unfolds to ("s" in "ß") covers that character,
 * and matches that share a character become one.
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

/**
 * The body as HTML text: escaped, and each match of `query` (see fold.ts for what matches) inside `<em>…</em>`. Without the
 * tags and unescaped it is the body, character for character.
 */
export function highlight(body: string, query: FoldedQuery): string {
  let html = ""
  let end = 0
  for (const match of findMatches(body, query)) {
    html += `${escapeHtml(body.slice(end, match.start))}<em>${escapeHtml(body.slice(match.start, match.end))}</em>`
    end = match.end
  }
  return html + escapeHtml(body.slice(end))
}
