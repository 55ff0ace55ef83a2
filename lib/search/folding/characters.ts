// The part of the folding that looks at one character after another: most stay, some are replaced, and diacritics are
// dropped after a letter. A loop over remembered kinds, since regular expressions of such sets took four times as long.
import { isDiacritic } from "./diacritics.ts"
import { REPLACEMENTS } from "./replacements.ts"

// The kinds of characters; 0 is one that was not met yet.
const LETTER = 1
/** Stays, and is no letter: a digit, a sign, a space … */
const OTHER = 2
/** A mark that stays. */
const MARK = 3
const DIACRITIC = 4
const INVISIBLE = 5
const BECOMES_LETTER = 6
const BECOMES_OTHER = 7
/** A letter to Unicode, so that its vowel sign is dropped, but only a lengthened stroke to readers. */
const TATWEEL = 8
/** The first half of a code point beyond the basic plane. */
const SURROGATE = 9

const TATWEEL_CODE_POINT = 0x640
const BASIC_PLANE_END = 0x10000
const CODE_POINTS = 0x110000
/** The kinds of the code points that were met. Of its megabyte only the pages in use take memory. */
const kinds = new Uint8Array(CODE_POINTS)

function findKind(codePoint: number): number {
  if (codePoint === TATWEEL_CODE_POINT) return TATWEEL
  if (isDiacritic(codePoint)) return DIACRITIC
  const replacement = REPLACEMENTS.get(codePoint)
  if (replacement === "") return INVISIBLE
  if (replacement !== undefined) return /\p{L}/u.test(replacement) ? BECOMES_LETTER : BECOMES_OTHER
  const character = String.fromCodePoint(codePoint)
  if (/\p{M}/u.test(character)) return MARK
  return /\p{L}/u.test(character) ? LETTER : OTHER
}

function learnKind(codePoint: number): number {
  const kind = codePoint >= 0xd800 && codePoint < 0xdc00 ? SURROGATE : findKind(codePoint)
  kinds[codePoint] = kind
  return kind
}

/**
 * Returns lower-cased NFKD text with characters replaced and tatweel, invisible characters and the diacritics of letters
 * dropped, and whether its end follows a letter: the last character that stays and is no mark is one. A diacritic of a
 * sign, a digit or a space stays: ≠ is not =. `isAfterLetter` says so of the beginning.
 */
export function replaceAndDrop(text: string, isAfterLetter: boolean): { text: string; isAfterLetter: boolean } {
  let result = ""
  let isLetter = isAfterLetter
  let from = 0 // the beginning of what is not yet in the result
  for (let at = 0; at < text.length; at++) {
    let codePoint = text.charCodeAt(at)
    let kind = kinds[codePoint] || learnKind(codePoint)
    let end = at + 1
    if (kind === SURROGATE) {
      codePoint = text.codePointAt(at) as number
      kind = codePoint < BASIC_PLANE_END ? OTHER : kinds[codePoint] || learnKind(codePoint)
      end = codePoint < BASIC_PLANE_END ? at + 1 : at + 2
    }
    if (kind === LETTER || kind === BECOMES_LETTER || kind === TATWEEL) isLetter = true
    else if (kind === OTHER || kind === BECOMES_OTHER) isLetter = false
    if (kind > DIACRITIC || (kind === DIACRITIC && isLetter)) {
      result += text.slice(from, at) + (REPLACEMENTS.get(codePoint) ?? "")
      from = end
    }
    at = end - 1
  }
  return { text: from === 0 ? text : result + text.slice(from), isAfterLetter: isLetter }
}
