// The folding rule of search, the same in every engine. Both sides of a search are folded, and
//
//   a message matches a query  ⇔  fold(body).includes(fold(query))
//
// That is the whole definition, edges included: folding ends with composition (NFC), so the letter after the query may
// change what the query's last letter becomes. "가" is not found in "각", one folded syllable, though its jamo begin
// those of "각"; カ is not found in ガ, nor = in ≠. The index, the highlight and the tests all follow this one line.
//
// Indexes hold text that this file folded, so a changed rule must raise MAPPING_VERSION (../indexing/index-mapping.ts).
import { replaceAndDrop } from "./characters.ts"
import { normalize } from "./normalize.ts"

const NOT_ASCII = /[\u0080-\uffff]/

/** Returns whether text is ASCII: folding then only lower-cases, and no offset moves. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text)
}

/**
 * Folds without the composition: NFKD, case folded, characters replaced (replacements.ts), diacritics of letters dropped
 * (diacritics.ts). Up to canonical reordering the result is the concatenation of each code point's own, on which
 * foldWithOffsets relies. At the beginning of a text, which may be cut from another, a diacritic is taken for a letter's.
 */
export function foldDecomposed(text: string, isAfterLetter = true): ReturnType<typeof replaceAndDrop> {
  return replaceAndDrop(normalize(text, "NFKD").toLowerCase(), isAfterLetter)
}

/**
 * Returns the form in which bodies are indexed and queries looked up: the above, and NFC. Idempotent; equal for
 * canonically equivalent texts; may be empty (a lone accent, a tatweel, a soft hyphen); up to 18 times as long as the
 * text (U+FDFA). All else, control characters and other punctuation included, stays.
 */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  return normalize(foldDecomposed(text).text, "NFC")
}

export type FoldedQuery = string & { readonly folded: true }
