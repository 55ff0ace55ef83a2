// The characters that folding replaces one by one, in lower-cased NFKD text, so that what a phone's keyboard makes of a
// text ("smart" quotes and dashes, invisible marks, one of several keyboards' letters) is found by what a person types.
// docs/decisions/0010 says how the sets were drawn from Unicode 17; a test compares them with its properties.

/**
 * Named QUOTATION MARK and SINGLE, or APOSTROPHE: of any script but N'Ko, whose two are tone marks. The turned and the
 * reversed comma are the modifier letters that have the shapes of ‘ and ‛, and are typed with them (Hawaiʻi, Oʻzbek).
 */
const SINGLE_QUOTES = "\u02bb\u02bc\u02bd\u055a\u2018\u2019\u201a\u201b\u2039\u203a\u275b\u275c\u275f"

/** All others that are named QUOTATION MARK, guillemets among them, and the double apostrophe. */
const DOUBLE_QUOTES =
  "\u00ab\u00bb\u02ee\u201c\u201d\u201e\u201f\u275d\u275e\u2760\u276e\u276f\u2e42\u301d\u301e\u301f\u{1f676}\u{1f677}\u{1f678}"

/** The property Dash, the minus signs of punctuation (not the operators made from one), and the hyphen bullet. */
const DASHES =
  "\u02d7\u058a\u05be\u1400\u1806\u2010\u2012\u2013\u2014\u2015\u2043\u2052\u2053\u2212\u2796" +
  "\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\u{10d6e}\u{10ead}"

/** Soft hyphen; zero-width space, non-joiner, joiner and no-break space; word joiner; the property Bidi_Control. */
const INVISIBLE =
  "\u00ad\u200b\u200c\u200d\u2060\ufeff\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

const DIGITS = "0123456789"
const ARABIC_INDIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"
const EXTENDED_DIGITS = "۰۱۲۳۴۵۶۷۸۹"

/** Each text, and the characters that become it. None of the texts has a character that is replaced. */
const TABLE: readonly (readonly [to: string, from: string])[] = [
  ["", INVISIBLE],
  ["'", SINGLE_QUOTES],
  ['"', DOUBLE_QUOTES],
  ["-", DASHES],
  ["/", "\u2044\u2215"], // the first is also in ½, as NFKD spells it
  ...[...DIGITS].map((digit, at) => [digit, ARABIC_INDIC_DIGITS.charAt(at) + EXTENDED_DIGITS.charAt(at)] as const),
  // Letters with a stroke, which Unicode does not decompose; dotless i, whose capital is I; ligatures and runes.
  ["d", "đð"],
  ["h", "ħ"],
  ["i", "ı"],
  ["l", "ł"],
  ["o", "ø"],
  ["t", "ŧ"],
  ["ae", "æ"],
  ["oe", "œ"],
  ["th", "þ"],
  // Arabic letters that keyboards of other languages give another code point: yeh, kaf, heh and teh marbuta.
  ["\u064a", "\u0649\u06cc"],
  ["\u0643", "\u06a9"],
  ["\u0647", "\u0629\u06c1\u06c3"],
  // What lower-casing omits of full case folding (CaseFolding.txt, status C and F): two letters that have no lower-case
  // partner of their own, and the rounded Cyrillic variants. NFKD has taken apart all else that folds to several.
  ["ss", "ß"], // and so ẞ, whose lower case is ß
  ["σ", "ς"], // also undoes the only context-dependent rule of toLowerCase, Final_Sigma
  ["\u0432", "\u1c80"],
  ["\u0434", "\u1c81"],
  ["\u043e", "\u1c82"],
  ["\u0441", "\u1c83"],
  ["\u0442", "\u1c84\u1c85"],
  ["\u044a", "\u1c86"],
  ["\u0463", "\u1c87"],
  ["\ua64b", "\u1c88"],
]

/** What characters become, by code point. */
export const REPLACEMENTS: ReadonlyMap<number, string> = new Map(
  TABLE.flatMap(([to, from]) => [...from].map((character) => [character.codePointAt(0) ?? 0, to] as const)),
)
