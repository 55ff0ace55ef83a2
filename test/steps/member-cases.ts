// 422: wrong members of messages and chats besides name and body, and metadata that is taken as it is.
import { LIMITS } from "../../lib/limits.ts"
import { type FieldCase, textCases, WRONG_TYPES } from "./body-cases.ts"

const repeated = (text: string, count: number) => text.repeat(count)

/** Returns changes that change nothing. */
export const noChangeCases = (): FieldCase[] => [
  { what: "without any member", json: {}, path: "" },
  { what: "with only members that cannot change", json: { title: "x", sender: "x", number: 7 }, path: "" },
]

const withBody = (cases: FieldCase[]): FieldCase[] =>
  cases.map(({ json, ...one }) => ({ ...one, json: { body: "x", ...json } }))

/** Returns wrong senders of a message. */
export const senderCases = (): FieldCase[] => withBody(textCases("sender", LIMITS.senderMax, "x", []))

/** Returns an object of that many levels. */
const levels = (count: number): object => (count === 1 ? {} : { a: levels(count - 1) })
/** Returns metadata of exactly that many bytes as compact JSON. */
const metadataOf = (bytes: number, unit = "x"): object => {
  const rest = bytes - 8
  const units = Math.floor(rest / Buffer.byteLength(unit))
  return { a: repeated(unit, units) + repeated("x", rest - units * Buffer.byteLength(unit)) }
}

const WRONG_METADATA: [string, unknown][] = [
  ["null", null],
  ["a text", "x"],
  ["a number", 5],
  ["true", true],
  ["an array", [{ a: 1 }]],
  [`more than ${LIMITS.metadataBytesMax} bytes`, metadataOf(LIMITS.metadataBytesMax + 1)],
  [`more than ${LIMITS.metadataBytesMax} bytes, of three each`, metadataOf(LIMITS.metadataBytesMax + 1, "文")],
  [`more than ${LIMITS.metadataDepthMax} levels`, levels(LIMITS.metadataDepthMax + 1)],
  ["more levels in an array", { a: [[[[[[[[]]]]]]]] }],
  ["a lone surrogate in a value", { a: { b: ["\ud83d"] } }],
  ["a lone surrogate in a name", { a: [{ "\ude42": 1 }] }],
]

/** Returns wrong metadata, beside `more`. */
export const metadataCases = (more: object = {}): FieldCase[] =>
  WRONG_METADATA.map(([what, metadata]) => ({
    what: `with ${what} as metadata`,
    json: { ...more, metadata },
    path: "metadata",
  }))

const DAY_MS = 86_400_000
/** Longer than a test waits between the definition of its case and the request. */
const HOUR_MS = 3_600_000

/** Returns wrong times of sending. */
export const sentAtCases = (): FieldCase[] =>
  withBody(
    [
      ...WRONG_TYPES,
      ["nothing", ""],
      ["a date", "2026-11-28"],
      ["a time without an offset", "2026-11-28T10:00:00"],
      ["a day that is not", "2026-02-30T10:00:00Z"],
      ["the last moment before 1970", "1969-12-31T23:59:59.999999Z"],
      ["1970 in another zone, before it in UTC", "1970-01-01T00:59:59+01:00"],
      ["a time more than a day ahead", new Date(Date.now() + DAY_MS + HOUR_MS).toISOString()],
    ].map(([what, sent_at]) => ({ what: `with ${what} as sent_at`, json: { sent_at }, path: "sent_at" })),
  )

/** Metadata that comes back as it is, as JSON text: what is hard to keep, and what is at the limits. */
export const METADATA_TAKEN: [string, string][] = [
  ["names that JavaScript would sort", '{"b":1,"10":2,"a":{"2":1,"1":[{"z":0,"0":1}]},"9":3}'],
  ["names of objects' own", '{"__proto__":{"constructor":1},"constructor":null,"toString":"x","hasOwnProperty":[]}'],
  ["names of objects' own among numbers", '{"__proto__":{"x":1},"7":{"__proto__":2},"constructor":3}'],
  ["numbers that no double holds", '{"id":12345678901234567890,"big":1e400,"small":1.10,"zero":-0,"1":0.1}'],
  ["empty names and values", '{"":"","a.b":{},".":[],"..":[[]],"a..b":null}'],
  ["escapes", '{"\\"\\\\\\u0000":"\\u0007\\n\\\\ud83d \ufffe","\ufffe":"🙂 e\u0301"}'],
  ["a tombstone's end", '{"deleted":true}'],
  ["the most levels", JSON.stringify(levels(LIMITS.metadataDepthMax))],
  ["the most bytes", JSON.stringify(metadataOf(LIMITS.metadataBytesMax))],
  ["the most bytes, of four each", JSON.stringify(metadataOf(LIMITS.metadataBytesMax, "🙂"))],
]
