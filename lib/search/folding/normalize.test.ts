import { describe, expect, jest, test } from "@jest/globals"
import fc from "fast-check"
import { anyText } from "../../../test/steps/scripts.ts"
import { fold } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"
import { normalize } from "./normalize.ts"

/** Marks of many combining classes, some that decompose, compose or block, and what stands for a letter. */
const mark = fc.constantFrom(
  ..."\u0301\u0323\u0334\u0345\u0327\u0344\u093c\u3099\u05b8\u034f\ufe0f\u0f73\u0fb2\u302e\u{1d165}\u{1d16d}\u{1e8d0}",
)
const marks = fc.array(mark, { minLength: 20, maxLength: 400 }).map((run) => run.join(""))
const longRuns = fc
  .array(fc.tuple(anyText, marks), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.flat().join(""))

describe("normalize", () => {
  test("of text with long runs of marks, is what the language makes of it", () => {
    fc.assert(
      fc.property(longRuns, (text) => {
        for (const form of ["NFC", "NFKD"] as const) expect(normalize(text, form)).toBe(text.normalize(form))
      }),
      { numRuns: 500 },
    )
  })

  test("of each mark, in a long run with the lowest, the highest and a middle one, is what the language makes of it", () => {
    const wrong: string[] = []
    for (let codePoint = 0x300; codePoint < 0x1f000; codePoint++) {
      const character = String.fromCodePoint(codePoint)
      if (!/\p{M}/u.test(character)) continue
      const run = `a${`\u0345${character}\u0301\u0334`.repeat(10)}`
      for (const form of ["NFC", "NFKD"] as const) if (normalize(run, form) !== run.normalize(form)) wrong.push(run)
    }
    expect(wrong).toEqual([])
  })
})

/** Returns the long texts that `run` gives to the language to normalize. */
function textsNormalized(run: () => void): string[] {
  const { normalize: original } = String.prototype
  const texts: string[] = []
  const spy = jest.spyOn(String.prototype, "normalize").mockImplementation(function (this: string, form?: string) {
    texts.push(`${this}`)
    return original.call(this, form)
  })
  run()
  spy.mockRestore()
  return texts.filter(({ length }) => length > 1_000)
}

describe("a body of marks in the wrong order", () => {
  test.each([
    ["after a letter, which loses them", "a", "\u0301\u0323"],
    ["after a letter, which keeps them", "か", "\u3099\u093c"],
    ["after a sign", "=", "\u0301\u0345\u0323\u0334"],
    ["after a sign, with invisible characters between", "=", "\u0301\u200d\u0323\u200d"],
  ])("%s: is in order before the language, which sorts it by inserting, gets it", (_, base, pair) => {
    const body = base + pair.repeat(10_000 / pair.length)
    for (const folding of [fold, foldWithOffsets]) {
      const disordered = textsNormalized(() => folding(body)).filter((text) => text.normalize("NFD") !== text)
      expect(disordered).toEqual([])
    }
  })
})
