// The folding rule of search, the same in every engine. Both sides of a search are folded, and
//
//   a message matches a query  ⇔  fold(body).includes(fold(query))
//
// That is the whole definition, edges included: folding ends with composition (NFC), so the letter after the query may
// change what the query's last letter becomes. "가" is not found in "각", one folded syllable, though its jamo begin
// those of "각"; カ is not found in ガ. The index, the highlight and the tests all follow this one line.
//
// Indexes hold text that this file folded, so a changed rule must raise MAPPING_VERSION (../indexing/index-mapping.ts).

/**
 * The diacritics that folding drops: every combining mark (General_Category M) whose script is Latin, Greek, Cyrillic,
 * Hebrew or Arabic, and the blocks of marks that Unicode files under "Inherited" because those scripts share them. All
 * other marks stay: vowel signs, nuktas and tone marks of Indic scripts, Thai and the like, Japanese voicing marks,
 * variation selectors of emoji. Source: Unicode 17, Scripts.txt and DerivedGeneralCategory.txt. Spelled out rather than
 * \p{…}, so that a runtime's new tables cannot change it; a test compares both.
 */
const DROPPED_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x0300, 0x036f], // Combining Diacritical Marks
  [0x0483, 0x0489], // Cyrillic titlo, breathings, enclosing signs
  [0x0591, 0x05bd], // Hebrew accents and points
  [0x05bf, 0x05bf],
  [0x05c1, 0x05c2],
  [0x05c4, 0x05c5],
  [0x05c7, 0x05c7],
  [0x0610, 0x061a], // Arabic honorifics and Koranic signs
  [0x0640, 0x0640], // tatweel: a letter to Unicode, but only a lengthened stroke to readers
  [0x064b, 0x065f], // Arabic vowel signs, shadda, hamza and madda above
  [0x0670, 0x0670],
  [0x06d6, 0x06dc],
  [0x06df, 0x06e4],
  [0x06e7, 0x06e8],
  [0x06ea, 0x06ed],
  [0x0897, 0x089f],
  [0x08ca, 0x08e1],
  [0x08e3, 0x08ff],
  [0x1ab0, 0x1aff], // Combining Diacritical Marks Extended
  [0x1dc0, 0x1dff], // Combining Diacritical Marks Supplement
  [0x20d0, 0x20ff], // Combining Diacritical Marks for Symbols
  [0x2de0, 0x2dff], // Cyrillic Extended-A
  [0xa66f, 0xa672],
  [0xa674, 0xa67d],
  [0xa69e, 0xa69f],
  [0xfb1e, 0xfb1e], // Hebrew point Judeo-Spanish varika
  [0xfe20, 0xfe2f], // Combining Half Marks
  [0x10efa, 0x10eff], // Arabic Extended-C
  [0x1d242, 0x1d244], // Greek musical signs
  [0x1e08f, 0x1e08f], // combining Cyrillic small letter Byelorussian-Ukrainian I
]

const hex = (codePoint: number) => `\\u{${codePoint.toString(16)}}`
const DROPPED = new RegExp(`[${DROPPED_RANGES.map(([first, last]) => `${hex(first)}-${hex(last)}`).join("")}]+`, "gu")

/**
 * What lower-casing omits of full case folding (CaseFolding.txt, status C and F) in NFKD text without diacritics: two
 * letters that have no lower-case partner of their own, and the rounded Cyrillic variants. NFKD has taken apart all
 * else that folds to several letters (ligatures, ŉ, ǰ, ΐ, ᾳ …). Dotless ı stays ı, as outside Turkic locales.
 */
const CASE_FOLDS: Readonly<Record<string, string>> = {
  ß: "ss", // and so ẞ, whose lower case is ß
  ς: "σ", // also undoes the only context-dependent rule of toLowerCase, Final_Sigma
  "\u1c80": "\u0432",
  "\u1c81": "\u0434",
  "\u1c82": "\u043e",
  "\u1c83": "\u0441",
  "\u1c84": "\u0442",
  "\u1c85": "\u0442",
  "\u1c86": "\u044a",
  "\u1c87": "\u0463",
  "\u1c88": "\ua64b",
}
const CASE_FOLDED_FURTHER = /[ßς\u1c80-\u1c88]/g

const NOT_ASCII = /[\u0080-\uffff]/

/** Returns whether text is ASCII: folding then only lower-cases, and no offset moves. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text)
}

/**
 * Folds without the composition: NFKD, diacritics dropped, case folded. Up to canonical reordering the result is the
 * concatenation of each code point's own, on which foldWithOffsets relies.
 */
export function foldDecomposed(text: string): string {
  return text
    .normalize("NFKD")
    .replace(DROPPED, "")
    .toLowerCase()
    .replace(CASE_FOLDED_FURTHER, (letter) => CASE_FOLDS[letter] ?? letter)
}

/**
 * Returns the form in which bodies are indexed and queries looked up: NFKD, diacritics dropped (DROPPED_RANGES), full
 * case folding, NFC. Idempotent; equal for canonically equivalent texts; may be empty (a lone accent, a tatweel); up to
 * 18 times as long as the text (U+FDFA). All else, control characters and punctuation included, stays.
 */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  return foldDecomposed(text).normalize("NFC")
}

export type FoldedQuery = string & { readonly folded: true }
