import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { anyText, bodyAndQuery } from "../../../test/steps/scripts.ts"
import { type FoldedQuery, fold } from "./fold.ts"
import { foldWithOffsets } from "./fold-offsets.ts"
import { highlight } from "./highlight.ts"

const RUNS = { numRuns: 2000 }

const UNESCAPED: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" }
const unescapeHtml = (html: string) => html.replace(/&[#a-z0-9]+;/g, (entity) => UNESCAPED[entity] ?? entity)
const withoutTags = (html: string) => unescapeHtml(html.replaceAll(/<\/?em>/g, ""))

describe("highlight: a match in the original text", () => {
  test.each([
    ["case", "Hello hello", "HELLO", "<em>Hello</em> <em>hello</em>"],
    ["nothing found", "a < b", "x", "a &lt; b"],
    ["a query that folds to nothing", "aaa", "\u0301", "aaa"],
    ["HTML around and inside", `<b>"A&B's"</b>`, "a&b'", "&lt;b&gt;&quot;<em>A&amp;B&#39;</em>s&quot;&lt;/b&gt;"],
    ["an entity is not a match", "&", "amp", "&amp;"],
    ["matches do not overlap, leftmost first", "aaaaa", "aa", "<em>aa</em><em>aa</em>a"],
    ["wildcards are letters", "50% * off?", "% *", "50<em>% *</em> off?"],
    ["sharp s found by ss", "Straße", "SS", "Stra<em>ß</em>e"],
    ["sharp s found by half of it", "Straße", "s", "<em>S</em>tra<em>ß</em>e"],
    ["half of a sharp s and a letter", "aßb", "sb", "a<em>ßb</em>"],
    ["two matches that share a character", "sßs", "ss", "<em>sßs</em>"],
    ["ligature found by its middle", "oﬃce", "f", "o<em>ﬃ</em>ce"],
    ["accent decomposed in the body", "cafe\u0301s", "fé", "ca<em>fe\u0301</em>s"],
    ["accent after the last letter goes with it", "cafe\u0301", "cafe", "<em>cafe\u0301</em>"],
    ["accent of the letter before does not", "e\u0301a", "a", "e\u0301<em>a</em>"],
    ["full width", "Ｆｕｌｌ", "ul", "Ｆ<em>ｕｌ</em>ｌ"],
    ["Arabic vowel signs and tatweel", "هذا كِتَـابٌ", "كتاب", "هذا <em>كِتَـابٌ</em>"],
    ["Hebrew points", "שָׁלוֹם", "ל", "שָׁ<em>ל</em>וֹם"],
    ["Hangul syllable", "모든 인간은", "인", "모든 <em>인</em>간은"],
    ["Hangul in jamo", "\u1100\u1161\u11a8\u1102\u1161", "각", "<em>\u1100\u1161\u11a8</em>\u1102\u1161"],
    ["Hangul: a syllable is not the start of another", "각", "가", "각"],
    ["half-width kana and its voicing mark", "ｶﾞﾗｽ", "ガ", "<em>ｶﾞ</em>ﾗｽ"],
    ["Devanagari vowel sign stays outside", "किताब", "क", "<em>क</em>िताब"],
    ["Devanagari nukta, one character or two", "क़ क\u093c", "क़", "<em>क़</em> <em>क\u093c</em>"],
    ["ligature letter found by both of its letters", "Æsop", "aes", "<em>Æs</em>op"],
    ["ligature letter found by its end and the next", "Æsop", "es", "<em>Æs</em>op"],
    ["a match that ends inside a ligature letter", "mælt", "ma", "<em>mæ</em>lt"],
    ["thorn found by its second letter", "Þór", "h", "<em>Þ</em>ór"],
    ["soft hyphens inside and around", "\u00adco\u00adop\u00ad", "coop", "\u00ad<em>co\u00adop</em>\u00ad"],
    ["accent after a zero-width non-joiner", "e\u200c\u0301a", "ea", "<em>e\u200c\u0301a</em>"],
    ["direction marks", "\u200fשלום\u200f", "שלום", "\u200f<em>שלום</em>\u200f"],
    ["Persian non-joiner and letters", "می‌خواهم", "ميخ", "<em>می‌خ</em>واهم"],
    ["digits of another keyboard", "١٢٣", "23", "١<em>٢٣</em>"],
    ["fraction", "1½", "1/", "1<em>½</em>"],
    ["curly quotes", "it’s “ok”", `'s "`, "it<em>’s “</em>ok”"],
    ["a negated sign is not the sign", "≠ =\u0338 =", "=", "≠ =\u0338 <em>=</em>"],
    ["a negated sign, composed or not", "a≠ =\u0338", "≠", "a<em>≠</em> <em>=\u0338</em>"],
    ["marks out of order", "&\u0301\u093c\u05b8.", "\u093c", "&amp;<em>\u0301\u093c\u05b8</em>."],
    ["keycap", "1\ufe0f\u20e3", "1\ufe0f\u20e3", "<em>1\ufe0f\u20e3</em>"],
    ["part of an emoji sequence", "👨‍👩‍👧", "👩", "👨‍<em>👩</em>‍👧"],
    ["an emoji sequence without its joiners", "x👨‍👩‍👧y", "👨👩", "x<em>👨‍👩</em>‍👧y"],
    ["the whole emoji sequence", "x👨‍👩‍👧y", "👨‍👩‍👧", "x<em>👨‍👩‍👧</em>y"],
    ["one character that folds to 18", "صلى ﷺ", "الله", "صلى <em>ﷺ</em>"],
    ["beyond the basic plane", "𠮷野家", "野", "𠮷<em>野</em>家"],
  ])("%s: is shown as expected", (_, body, query, expected) => {
    expect(highlight(body, fold(query) as FoldedQuery)).toBe(expected)
  })
})

describe("highlight: any body and query", () => {
  test("without its tags and unescaped, is the body", () => {
    fc.assert(
      fc.property(bodyAndQuery, ({ body, query }) => {
        expect(withoutTags(highlight(body, fold(query) as FoldedQuery))).toBe(body)
      }),
      RUNS,
    )
  })

  test("has a match exactly if the folded body contains the folded query", () => {
    fc.assert(
      fc.property(bodyAndQuery, ({ body, query }) => {
        const matches = fold(query) !== "" && fold(body).includes(fold(query))
        expect(highlight(body, fold(query) as FoldedQuery).includes("<em>")).toBe(matches)
      }),
      RUNS,
    )
  })

  test("marks pieces of the body that contain the query themselves", () => {
    fc.assert(
      fc.property(bodyAndQuery, ({ body, query }) => {
        for (const [, piece] of highlight(body, fold(query) as FoldedQuery).matchAll(/<em>(.*?)<\/em>/gs)) {
          expect(fold(unescapeHtml(piece as string))).toContain(fold(query))
        }
      }),
      RUNS,
    )
  })

  test("maps each folded position to whole characters, in order, with nothing between them but what was dropped", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { folded, original } = foldWithOffsets(text)
        let end = 0
        for (let at = 0; at < folded.length; at++) {
          const range = original(at, at + 1)
          expect(range.start).toBeLessThan(range.end)
          if (range.start > end) expect(fold(text.slice(end, range.start))).toBe("")
          expect(text.slice(range.start, range.end).isWellFormed()).toBe(true)
          expect(range.end).toBeGreaterThanOrEqual(end)
          end = range.end
        }
        expect(fold(text.slice(end))).toBe("")
      }),
      RUNS,
    )
  })

  test("10,000 marks on one letter take milliseconds", () => {
    for (const marks of ["\u0301", "\u3099\u093c", "\u093c", "\u094d\u093c\u3099", "\u11a8"]) {
      const body = `か${marks.repeat(10_000 / marks.length)}`
      const start = performance.now()
      highlight(body, "か" as FoldedQuery)
      expect(performance.now() - start).toBeLessThan(500) // measured 20 ms at most
    }
  })
})
