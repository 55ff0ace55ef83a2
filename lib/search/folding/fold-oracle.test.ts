import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { foldedByHand, highlightedByHand } from "../../../test/steps/folded-by-hand.ts"
import { anyText, bodyAndQuery } from "../../../test/steps/scripts.ts"
import { type FoldedQuery, fold } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"
import { highlight } from "./highlight.ts"

const RUNS = { numRuns: 5000 }
/** Each takes hundreds of foldings. */
const HIGHLIGHT_RUNS = { numRuns: 1500 }

/** Longer runs are highlighted as a whole (RUN_ALIGNED_MAX). */
const LONG_RUN = /[\p{M}\u1160-\u11ff]{8}/u
/**
 * Notes with a stem, which decompose for good, and whose stem moves behind the marks that follow. The oracle, which cuts the
 * marks one by one, ends a match between them; the product takes what has moved as a whole.
 */
const STEMMED_NOTE = /[\u{1d15e}-\u{1d164}\u{1d1bb}-\u{1d1c0}]/u

const MARKS = /\p{M}{3,}/gu
/** Folding drops them, so the marks on both sides come together. */
const DROPPED = /[\p{Cf}\u0640]/gu

/**
 * Returns whether three or more marks follow each other out of Unicode's order. The oracle ends a match between them; the
 * product takes the marks among which one has moved as a whole.
 */
function hasMovedMarks(text: string): boolean {
  const decomposed = [...text.replaceAll(DROPPED, "")].map((character) => character.normalize("NFKD")).join("")
  return (decomposed.match(MARKS) ?? []).some((marks) => marks.normalize("NFD") !== marks)
}

const LAST_CODE_POINT = 0x10ffff
/** All that is in no table and no decomposition, in vast numbers. */
const UNIFORM = /[\p{Cn}\p{Co}\p{Cs}\p{Unified_Ideograph}]/u

describe("the folding, compared with an oracle", () => {
  test("every character: alone, after a letter, after a sign and before a diacritic, folds alike", () => {
    const wrong: string[] = []
    let compared = 0
    for (let codePoint = 0; codePoint <= LAST_CODE_POINT; codePoint++) {
      const character = String.fromCodePoint(codePoint)
      if (UNIFORM.test(character)) continue
      for (const text of [character, `a${character}`, `=${character}`, `=${character}\u0338`]) {
        const folded = fold(text)
        if (folded !== foldedByHand(text) || foldWithOffsets(text).folded !== folded) wrong.push(text)
      }
      compared++
    }
    expect(compared).toBeGreaterThan(50_000)
    expect(wrong).toEqual([])
  })

  test("any text: folds alike", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(fold(text)).toBe(foldedByHand(text))
      }),
      RUNS,
    )
  })

  test("any body and query: are highlighted alike", () => {
    fc.assert(
      fc.property(bodyAndQuery, ({ body, query }) => {
        fc.pre(!LONG_RUN.test(body.normalize("NFKD")) && !STEMMED_NOTE.test(body) && !hasMovedMarks(body))
        expect(highlight(body, fold(query) as FoldedQuery)).toBe(highlightedByHand(body, query))
      }),
      HIGHLIGHT_RUNS,
    )
  })
})

describe("the folding of two texts in one", () => {
  test("with a letter between them, is that of each", () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(fold(`${one}x${other}`)).toBe(`${fold(one)}x${fold(other)}`)
      }),
      RUNS,
    )
  })

  test("cut at invisible characters, is that of the texts without them", () => {
    const pieces = fc.array(anyText, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(pieces, fc.constantFrom("\u200d", "\u00ad\u200b", "\u2066\u061c", "\u2060"), (texts, invisible) => {
        expect(fold(texts.join(invisible))).toBe(fold(texts.join("")))
      }),
      RUNS,
    )
  })
})
