// The folding and the highlight of searches, written a second time as an oracle: one code point after another, from
// Unicode's properties where the product has tables, and by trying every place to cut where the product keeps offsets.

/** What becomes each text, in NFKD, in both cases. */
const ALIKE: Record<string, string> = {
  "'": "‘’‚‛‹›❛❜❟ʼʻʽ՚",
  '"': "“”„‟«»❝❞❠❮❯⹂〝〞〟ˮ🙶🙷🙸",
  "-": "−➖˗⁒⁃",
  "/": "⁄∕",
  d: "đĐðÐ",
  h: "ħĦ",
  i: "ı",
  l: "łŁ",
  o: "øØ",
  t: "ŧŦ",
  ae: "æÆ",
  oe: "œŒ",
  th: "þÞ",
  ي: "ىی",
  ك: "ک",
  ه: "ةہۃ",
}
const INVISIBLE = /[\p{Bidi_C}\u00ad\u200b-\u200d\u2060\ufeff]/u
const OF_SCRIPTS = /[\p{M}&&[\p{sc=Latn}\p{sc=Grek}\p{sc=Cyrl}\p{sc=Hebr}\p{sc=Arab}]]/v
const SHARED = /[[\p{M}&&\p{sc=Zinh}]&&[\u0300-\u06ff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]]/v
const TATWEEL = "ـ"

const isDiacritic = (character: string): boolean => OF_SCRIPTS.test(character) || SHARED.test(character)

function alike(character: string): string {
  for (const [text, characters] of Object.entries(ALIKE)) if (characters.includes(character)) return text
  if (/\p{Dash}/u.test(character)) return "-"
  const codePoint = character.codePointAt(0) ?? 0
  for (const zero of [0x0660, 0x06f0]) if (codePoint >= zero && codePoint < zero + 10) return String(codePoint - zero)
  return character
}

type FoldedByHand = { folded: string; isAfterLetter: boolean }

/** Folds what follows a letter, or what does not; tells which of them the end is. */
function foldAfter(text: string, wasAfterLetter: boolean): FoldedByHand {
  let folded = ""
  let isAfterLetter = wasAfterLetter
  for (const character of text.normalize("NFKD")) {
    if (INVISIBLE.test(character)) continue
    if (/\p{M}/u.test(character)) {
      if (!(isAfterLetter && isDiacritic(character))) folded += character
      continue
    }
    const same = alike(character)
    isAfterLetter = /\p{L}/u.test(same)
    if (same !== TATWEEL) folded += same.toLowerCase().toUpperCase().toLowerCase()
  }
  return { folded: folded.normalize("NFC"), isAfterLetter }
}

/** Returns what `fold` must return. */
export const foldedByHand = (text: string): string => foldAfter(text, true).folded

type Range = { start: number; end: number }

/** Returns the code points that the place `at` of the folded text was made of: cut anywhere else, it stays the same. */
function madeOf(characters: string[], folded: string, at: number): Range {
  const head = (to: number) => foldAfter(characters.slice(0, to).join(""), true)
  let end = characters.length
  while (end > 0 && head(end - 1).folded.slice(0, at + 1) === folded.slice(0, at + 1)) end--
  const tail = (from: number) => foldAfter(characters.slice(from).join(""), head(from).isAfterLetter).folded
  let start = 0
  while (start < end && tail(start + 1).endsWith(folded.slice(at))) start++
  while (isDiacritic(characters[end] ?? "") && head(end).folded === head(end + 1).folded) end++
  return { start, end }
}

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** Returns what `highlight` must return. */
export function highlightedByHand(body: string, query: string): string {
  const characters = [...body]
  const [folded, needle] = [foldedByHand(body), foldedByHand(query)]
  const isMarked = characters.map(() => 0)
  let match = 0
  for (let at = folded.indexOf(needle); needle !== "" && at !== -1; at = folded.indexOf(needle, at + needle.length)) {
    const { start } = madeOf(characters, folded, at)
    const { end } = madeOf(characters, folded, at + needle.length - 1)
    // Matches that share a character become one.
    if (!isMarked[start]) match++
    isMarked.fill(match, start, end)
  }
  let html = ""
  for (const [at, character] of characters.entries()) {
    if (isMarked[at] && isMarked[at] !== isMarked[at - 1]) html += "<em>"
    html += escaped(character)
    if (isMarked[at] && isMarked[at] !== isMarked[at + 1]) html += "</em>"
  }
  return html
}
