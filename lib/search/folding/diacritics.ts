/**
 * The diacritics that folding drops: every combining mark (General_Category M) whose script is Latin, Greek, Cyrillic,
 * Hebrew or Arabic, and the blocks of marks that Unicode files under "Inherited" because those scripts share them. All
 * other marks stay: vowel signs, nuktas and tone marks of Indic scripts, Thai and the like, Japanese voicing marks,
 * variation selectors of emoji. Source: Unicode 17, Scripts.txt and DerivedGeneralCategory.txt. Spelled out rather than
 * \p{…}, so that a runtime's new tables cannot change it; a test compares both.
 */
const DIACRITICS: readonly (readonly [first: number, last: number])[] = [
  [0x0300, 0x036f], // Combining Diacritical Marks
  [0x0483, 0x0489], // Cyrillic titlo, breathings, enclosing signs
  [0x0591, 0x05bd], // Hebrew accents and points
  [0x05bf, 0x05bf],
  [0x05c1, 0x05c2],
  [0x05c4, 0x05c5],
  [0x05c7, 0x05c7],
  [0x0610, 0x061a], // Arabic honorifics and Koranic signs
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

/** Returns whether a code point is one of the diacritics. */
export const isDiacritic = (codePoint: number): boolean =>
  DIACRITICS.some(([first, last]) => first <= codePoint && codePoint <= last)
