import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { METADATA_TAKEN } from "../test/steps/member-cases.ts"
import { isWellFormedJson, parseKept } from "./kept-json.ts"

const again = (json: string): string => JSON.stringify(parseKept(json))

describe("JSON", () => {
  test.each(METADATA_TAKEN)("with %s, parsed and written, is the same", (_what, json) => {
    expect(again(json)).toBe(json)
  })

  test("with white space and escapes, parsed and written, is compact", () => {
    expect(again(' { "2" : [ 1 , "\\u00e9\\u0041" ] ,\n"\\u0031"\t: {} , "a:b" : "c\\":" } ')).toBe(
      '{"2":[1,"éA"],"1":{},"a:b":"c\\":"}',
    )
  })

  test("with a name given twice, has its first place and its last value", () => {
    for (const [json, kept] of [
      ['{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'],
      ['{"2":1,"1":2,"2":3}', '{"2":3,"1":2}'],
    ] as const)
      expect(again(json)).toBe(kept)
  })

  test.each(["", "{", '{"1":}', '{"1":1,}', "{1:2}", '{"1" "2"}', '"1":', '{"1\\x":2}', "{'1':2}"])(
    "that is none (%j), parsed, throws as JSON.parse does",
    (json) => {
      expect(() => JSON.parse(json)).toThrow(SyntaxError)
      expect(() => parseKept(json)).toThrow(SyntaxError)
    },
  )

  test("of any value, parsed and written, is what JSON.parse and JSON.stringify make of it, but for the order", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (json) => {
        expect(JSON.parse(again(json))).toEqual(JSON.parse(json))
      }),
    )
  })
})

test("lone surrogates, written as JSON: are told from backslashes before the same letters", () => {
  const texts = ["\ud83d", "\ude42x", "\\\\\ud83d", "\\ud83d", "\\\\ud83d", "🙂", "\\", "ud83d"]
  expect(texts.map((text) => isWellFormedJson(JSON.stringify(text)))).toEqual(texts.map((text) => text.isWellFormed()))
})
