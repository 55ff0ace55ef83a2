import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { anyText, SAMPLES } from "../../../test/steps/scripts.ts"
import { fold } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"

const RUNS = { numRuns: 2000 }

/** Yields every code point except the surrogates. */
function* everyCharacter(): Generator<string> {
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    if (codePoint < 0xd800 || codePoint > 0xdfff) yield String.fromCodePoint(codePoint)
  }
}

const code = (character: string) => `U+${character.codePointAt(0)?.toString(16).padStart(4, "0")}`

describe("fold: texts that are the same", () => {
  test.each([
    [
      "Latin: accents, decomposed or not",
      ["crème brûlée", "CRÈME BRÛLÉE", "cre\u0300me bru\u0302le\u0301e", "creme brulee"],
    ],
    ["Latin: sharp s, small, capital and spelt out", ["Straße", "STRASSE", "STRAẞE", "strasse"]],
    ["Latin: Turkish capital dotted I", ["İzmir", "izmir", "IZMIR"]],
    ["Latin: ligatures and digraphs", ["ﬃ ĳ ǆ ŉ", "FFI IJ DŽ ʼn", "ffi ij dz ʼN"]],
    ["Latin: Vietnamese with two marks on a letter", ["Tiếng Việt", "TIẾNG VIỆT", "tieng viet"]],
    ["compatibility: full width, circled, superscript", ["Ｆｕｌｌ①²", "full12"]],
    ["Greek: final sigma, tonos, iota subscript", ["ΣΊΣΥΦΟΣ ᾳ", "Σίσυφος ᾼ", "σισυφοσ α"]],
    ["Cyrillic: short i, yo, and a rounded variant", ["Йод ещё ᲂ", "ЙОД ЕЩЕ о", "иод еще О"]],
    ["Arabic: vowel signs, shadda, tatweel, hamza", ["كِتَابٌ", "كـــتاب", "كتاب"]],
    ["Arabic: presentation forms", ["ﻛﺘﺎﺏ", "كتاب"]],
    ["Hebrew: points and cantillation", ["שָׁל֑וֹם", "שלום", "\ufb2aל\ufb4bם"]],
    ["Devanagari: nukta, composed or not", ["क़लम", "क\u093cलम"]],
    ["Tamil: vowel sign in two parts", ["கொ", "க\u0bc6\u0bbe"]],
    ["Japanese: half-width with its voicing mark", ["ｶﾞﾊﾟ", "ガパ", "カ\u3099ハ\u309a"]],
    ["Korean: syllables, jamo, compatibility jamo", ["각", "\u1100\u1161\u11a8"]],
    ["Chinese: compatibility ideograph", ["\uf900", "豈"]],
    ["Georgian: capitals", ["ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი"]],
    ["Armenian: capitals and ligature", ["ԵՒ", "և", "եւ"]],
    ["Cherokee: both cases", ["Ꭰ", "ꭰ"]],
    ["Deseret: capitals beyond the basic plane", ["𐐀", "𐐨"]],
    ["quotes, single", ["it's", "it’s", "it‘s", "itʼs", "it‚s", "it‛s", "it‹s", "it›s", "it＇s", "itʻs", "it❜s"]],
    ["quotes, double", ['"a"', "“a”", "„a‟", "«a»", "»a«", "〝a〞", "＂a＂", "❝a❞"]],
    [
      "hyphens, dashes and minus signs",
      ["1-2", "1‐2", "1‑2", "1‒2", "1–2", "1—2", "1―2", "1−2", "1⁻2", "1－2", "1﹣2", "1־2"],
    ],
    ["slashes", ["1/2", "1⁄2", "1∕2", "½", "1／2"]],
    ["letters with a stroke", ["Đà ØŁĦŦ ℏ", "đà øłħŧ ħ", "da olht h"]],
    ["Latin: dotless i", ["ISPARTA", "ısparta", "İsparta", "isparta"]],
    ["ligature letters, eth and thorn", ["ÆŒÐÞ ǽ", "æœðþ ǣ", "AEOEDTH ae"]],
    ["invisible: soft hyphen, zero-width space, word joiner", ["a\u00adb\u200bc\u2060d\ufeff", "abcd"]],
    ["invisible: direction marks", ["\u200ea\u200f\u061c\u202ab\u202c\u2066\u2069", "ab"]],
    ["invisible: joiners of emoji, of Persian and of Indic scripts", ["👨‍👩‍👧 می‌شود क्‍ष", "👨👩👧 میشود क्ष"]],
    ["an invisible character between letter and accent", ["e\u200c\u0301", "e\u00ad\u200d\u0301\u0323", "e"]],
    ["Arabic: yeh, kaf and heh of several keyboards", ["يكه", "ىکہ", "یكۃ", "ﻲكة", "ئکہ"]],
    ["Arabic: a ligature spelt with another yeh", ["ﷺ", "صلي الله عليه وسلم"]],
    ["digits: Arabic-Indic, extended, mathematical", ["2026", "٢٠٢٦", "۲۰۲۶", "𝟐𝟎𝟐𝟔"]],
    ["negated signs, composed or not", ["a≠b ⊄ ≮", "A=\u0338B ⊂\u0338 <\u200d\u0338"]],
    ["an accent of an apostrophe, whichever it is", ["'\u0301", "’\u0301", "ʼ\u0301"]],
    ["dropped to nothing", ["\u0301", "ـ", "\u064e", "\u00ad\u200b\u200c\u200d\u2060\u200e", "\u200d\u0338", ""]],
  ])("%s, folded, give one text", (_, texts) => {
    expect(texts.map(fold)).toEqual(texts.map(() => fold(texts.at(-1) as string)))
  })
})

describe("fold: texts that are not the same", () => {
  test.each([
    ["Devanagari: a vowel sign", "कि", "क"],
    ["Devanagari: the nukta", "क़", "क"],
    ["Thai: a tone mark", "น้ำ", "นำ"],
    ["Japanese: a voicing mark", "ガ", "カ"],
    ["Japanese: the two kana", "か", "カ"],
    ["Korean: a final consonant", "각", "가"],
    ["a negated sign", "≠", "="],
    ["a sign with an accent", "=\u0301", "="],
    ["a digit with a keycap", "1\u20e3", "1"],
    ["an accent by itself", "´", " "],
    ["Devanagari: its digits", "१", "1"],
    ["Arabic: heh goal and heh with two eyes", "ہ", "ھ"],
    ["prime", "5′", "5'"],
    ["corner brackets, which are quotes of Japanese alone", "「a」", '"a"'],
    ["emoji: presentation selector", "❤\ufe0f", "❤"],
    ["emoji: skin tone", "👍🏽", "👍"],
    ["white space: its amount", "a  b", "a b"],
    ["punctuation", "a.b", "ab"],
  ])("%s, folded, stays apart", (_, one, other) => {
    expect(fold(one)).not.toBe(fold(other))
  })
})

describe("fold: every character of Unicode", () => {
  test("those that it drops, compared with the runtime's properties, are the marks of the five scripts, tatweel and the invisible ones", () => {
    const ofScripts = /^[\p{M}&&[\p{sc=Latn}\p{sc=Grek}\p{sc=Cyrl}\p{sc=Hebr}\p{sc=Arab}]]$/v
    const shared = /^[[\p{M}&&\p{sc=Zinh}]&&[\u0300-\u06ff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]]$/v
    const invisible = /^[\p{Bidi_C}\u00ad\u200b-\u200d\u2060\ufeff]$/u
    const wrong: string[] = []
    for (const character of everyCharacter()) {
      if (/\p{Cn}/u.test(character) || character.normalize("NFKD") !== character) continue
      const isMark = ofScripts.test(character) || shared.test(character)
      const expected = isMark || character === "ـ" || invisible.test(character)
      if ((fold(character) === "") !== expected) wrong.push(code(character))
    }
    expect(wrong).toEqual([])
  })

  test("the cased ones, compared with the runtime's case-insensitive matching, fold to one another", () => {
    const cased: string[] = []
    for (const character of everyCharacter()) {
      if (/\p{M}/u.test(character) || character.normalize("NFKD") !== character) continue
      if (/\p{CWCF}|\p{CWU}|\p{CWL}|\p{CWT}/u.test(character)) cased.push(character)
    }
    const all = cased.join("")
    const wrong = cased.filter((character) => {
      const alike = all.match(new RegExp(`[${character}]`, "giu")) ?? []
      // Simple case folding lacks ß = ss, but whatever it equates must be equal here, too.
      return alike.length === 0 || alike.some((other) => fold(other) !== fold(character))
    })
    expect(cased.length).toBeGreaterThan(2000)
    expect(wrong.map(code)).toEqual([])
  })

  test("each, in capitals and small letters, folds the same", () => {
    const wrong: string[] = []
    for (const character of everyCharacter()) {
      const folded = fold(character)
      if (fold(character.toLowerCase()) !== folded || fold(character.toUpperCase()) !== folded) wrong.push(character)
    }
    // ᾳ, and other letters with iota subscript, are α without the mark, but their capitals spell the iota out: ΑΙ.
    const withIota = wrong.filter((character) => character.normalize("NFD").includes("\u0345"))
    expect(wrong.filter((character) => !withIota.includes(character))).toEqual([])
  })

  test("each, folded twice, is what it was folded once", () => {
    const wrong: string[] = []
    for (const character of everyCharacter()) {
      const folded = fold(character)
      if (fold(folded) !== folded || foldWithOffsets(character).folded !== folded) wrong.push(code(character))
    }
    expect(wrong).toEqual([])
  })

  test("each that a composition ends in, after its first part, is joined when offsets are kept", () => {
    const wrong: string[] = []
    for (const character of everyCharacter()) {
      const parts = [...character.normalize("NFD")]
      if (parts.length < 2 || character.normalize("NFC") !== character) continue
      if (foldWithOffsets(parts.join("")).folded !== fold(character)) wrong.push(code(character))
    }
    expect(wrong).toEqual([])
  })
})

describe("fold: any text", () => {
  test("with half a surrogate pair, keeps it", () => {
    for (const text of ["é\ud83d", "\udc00é", "\ud83d=\u0301"]) expect(fold(text)).toContain(text.match(/\p{Cs}/u)?.[0])
  })

  test("folded again, stays as it is", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(fold(fold(text))).toBe(fold(text))
      }),
      RUNS,
    )
  })

  test("in each normalisation form, folds the same", () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom("NFC", "NFD", "NFKC", "NFKD"), (text, form) => {
        expect(fold(text.normalize(form))).toBe(fold(text))
      }),
      RUNS,
    )
  })

  test("with the case of letters changed, folds the same", () => {
    const plain = anyText.filter((text) => !/\u0345/u.test(text.normalize("NFKD")))
    fc.assert(
      fc.property(plain, (text) => {
        expect(fold(text.toUpperCase())).toBe(fold(text))
        expect(fold(text.toLowerCase())).toBe(fold(text))
      }),
      RUNS,
    )
  })

  test("with its offsets kept, folds to the same text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(foldWithOffsets(text).folded).toBe(fold(text))
      }),
      RUNS,
    )
  })

  test("of the sample sentences, in a body of 10,000 characters, folds in a few milliseconds", () => {
    for (const sample of SAMPLES) {
      const body = [...sample.repeat(1000)].slice(0, 10_000).join("")
      fold(body)
      const start = performance.now()
      fold(body)
      expect(performance.now() - start).toBeLessThan(20) // measured 0.01 to 2 ms; the rest is a busy machine
    }
  })
})
