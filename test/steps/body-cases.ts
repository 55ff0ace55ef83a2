// 400, 413, 415 and 422: bodies that an endpoint refuses, and those at its limits that it accepts.
import { describe, expect, test } from "@jest/globals"
import { LIMITS } from "../../lib/limits.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { ApiCall, ChatApi } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"
import { expectUnchanged } from "./missing-cases.ts"
import { givenWorld, pathOf, type Target } from "./world.ts"

type Refusal = { what: string; status: number; code: Parameters<typeof expectProblem>[2]; call: Omit<ApiCall, "path"> }
export type FieldCase = { what: string; json: Record<string, unknown>; path: string }

const repeated = (text: string, count: number) => text.repeat(count)
const typed = (type: string) => ({ headers: { "content-type": type } })

const MALFORMED: [string, string][] = [
  ["that is cut off", '{"name":"x"'],
  ["of a bare word", "name"],
  ["with a trailing comma", '{"name":"x",}'],
  ["with single quotes", "{'name':'x'}"],
  ["with a byte order mark", '\ufeff{"name":"x","body":"x"}'],
  ["of white space", " \n"],
]

const NOT_OBJECTS: [string, unknown][] = [
  ["an array", [{ name: "x", body: "x" }]],
  ["a text", "x"],
  ["a number", 1],
  ["true", true],
  ["false", false],
  ["an empty text", ""],
  ["a text that is JSON again", '{"name":"x","body":"x"}'],
]

/** Bytes that are not UTF-8, whole or cut off; decoding may change their length or not. */
const NOT_UTF8: [string, number[]][] = [
  ["three of a character's four bytes", [0xf0, 0x9f, 0x98]],
  ["a byte of Latin-1", [0xe9]],
  ["half a surrogate pair", [0xed, 0xa0, 0x80]],
  ["an overlong slash", [0xc0, 0xaf]],
]

const withBytes = (bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"name":"x'), Buffer.from(bytes), Buffer.from('","body":"x"}')])

/** Returns a body of exactly `bytes` bytes that would be accepted if it were shorter. */
function sized(json: unknown, bytes: number): string {
  const text = JSON.stringify(json).slice(0, -1)
  return `${text},"more":"${repeated("x", bytes - Buffer.byteLength(text) - 11)}"}`
}

/** Returns a body of `depth` levels that would be accepted with fewer. */
const nested = (json: unknown, depth: number): string =>
  `${JSON.stringify(json).slice(0, -1)},"more":${repeated("[", depth - 1)}${repeated("]", depth - 1)}}`

const kib = (bytes: number) => `${bytes / 1024} KiB`

function refusals({ json, bodyBytesMax }: Target): Refusal[] {
  const text = JSON.stringify(json)
  return [
    ...MALFORMED.map(
      ([what, malformed]): Refusal => ({ what, status: 400, code: "malformed_json", call: { text: malformed } }),
    ),
    ...NOT_UTF8.map(
      ([what, bytes]): Refusal => ({
        what: `with ${what}`,
        status: 400,
        code: "malformed_json",
        call: { bytes: withBytes(bytes) },
      }),
    ),
    {
      what: `of more than ${kib(bodyBytesMax)}`,
      status: 413,
      code: "body_too_large",
      call: { text: sized(json, bodyBytesMax + 1) },
    },
    ...[
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
      "application/jsonp",
      "json",
      "multipart/form-data",
      "application/json, application/json",
      "application/json; charset=utf-8; charset=utf-8",
      "",
    ].map(
      (type): Refusal => ({
        what: `declared as "${type}"`,
        status: 415,
        code: "unsupported_media_type",
        call: { text, ...typed(type) },
      }),
    ),
    {
      what: "that is compressed",
      status: 415,
      code: "unsupported_media_type",
      call: { text, headers: { "content-encoding": "gzip" } },
    },
    {
      what: `nested deeper than ${LIMITS.jsonDepthMax} levels`,
      status: 422,
      code: "invalid_request",
      call: { text: nested(json, LIMITS.jsonDepthMax + 1) },
    },
    {
      what: `of ${kib(bodyBytesMax)} of brackets that nothing closes`,
      status: 422,
      code: "invalid_request",
      call: { text: repeated("[", bodyBytesMax) },
    },
    ...NOT_OBJECTS.map(
      ([what, value]): Refusal => ({
        what: `that is ${what}`,
        status: 422,
        code: "invalid_request",
        call: { text: JSON.stringify(value) },
      }),
    ),
  ]
}

/** Describes the bodies that `target` refuses and accepts; `fields` are those with a wrong field. */
export function describeBody(api: ChatApi, stores: () => SearchStores, target: Target, fields: FieldCase[]): void {
  const { method, template, json, success, bodyBytesMax } = target

  describe("a body", () => {
    test.each(refusals(target))("$what is $status, and changes nothing", async ({ status, code, call }) => {
      const world = await givenWorld(api, stores(), "pending")
      expectProblem(await api.call({ method, path: pathOf(template, world), ...call }), status, code)
      await expectUnchanged(api, world)
    })

    test.each(fields)("$what is 422 that names $path", async ({ json: wrong, path }) => {
      const world = await givenWorld(api, stores(), "pending")
      const answer = await api.call({ method, path: pathOf(template, world), json: wrong })
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toEqual([{ in: "body", path, message: expect.stringMatching(/\w/) }])
      await expectUnchanged(api, world)
    })

    test.each([
      [`nested ${LIMITS.jsonDepthMax} levels deep`, { text: nested(json, LIMITS.jsonDepthMax) }],
      [`of exactly ${kib(bodyBytesMax)}`, { text: sized(json, bodyBytesMax) }],
      [
        "declared as +json with a charset",
        { text: JSON.stringify(json), ...typed("Application/Merge-Patch+JSON; charset=UTF-8") },
      ],
      ["in base64", { text: JSON.stringify(json), base64: true }],
      ["with unknown and server-owned fields, ignoring them", { json: { ...(json as object), ...SERVER_OWNED } }],
    ])("%s is taken", async (_what, call: Omit<ApiCall, "path">) => {
      const world = await givenWorld(api, stores(), "pending")
      const answer = await api.call({ method, path: pathOf(template, world), ...call })
      expect([answer.status, answer.text]).toEqual([success, expect.any(String)])
      for (const [field, value] of Object.entries(SERVER_OWNED)) expect(answer.body[field]).not.toEqual(value)
    })
  })
}

const SERVER_OWNED = {
  token: "b".repeat(24),
  number: 77,
  chats_count: 77,
  messages_count: 77,
  created_at: "2001-01-01T00:00:00.000Z",
  updated_at: "2001-01-01T00:00:00.000Z",
  highlight: "x",
  id: 7,
}

const LONE_SURROGATES: [string, string][] = [
  ["a lone high surrogate", "x\ud83d"],
  ["a lone low surrogate", "\ude42x"],
  ["surrogates in the wrong order", "\ude42\ud83d"],
]
export const WRONG_TYPES: [string, unknown][] = [
  ["a number", 5],
  ["an array", ["x"]],
  ["an object", {}],
  ["true", true],
]
const BLANK: [string, string][] = [
  ["nothing", ""],
  ["spaces", "   "],
  ["white space of every kind", "\t\n\v\f\r \u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff"],
]

export const textCases = (field: string, max: number, unit: string, more: [string, unknown][]): FieldCase[] =>
  [
    ...WRONG_TYPES,
    ...BLANK,
    ...LONE_SURROGATES,
    [`more than ${max} characters`, repeated(unit, max + 1)] as const,
    [`more than ${max} characters beyond U+FFFF`, repeated("🙂", max + 1)] as const,
    ...more,
  ].map(([what, value]) => ({ what: `with ${what} as ${field}`, json: { [field]: value }, path: field }))

/** Returns wrong names. With `nullable`, null means "no name"; with `optional`, so does its absence. */
export function nameCases({ nullable = false, optional = false } = {}): FieldCase[] {
  return [
    ...textCases("name", LIMITS.nameMax, "x", nullable ? [] : [["null", null]]),
    ...(optional ? [] : [{ what: "without a name", json: { title: "x" }, path: "name" }]),
  ]
}

/** Returns wrong bodies of a message. With `optional`, its absence alone is none. */
export const messageBodyCases = ({ optional = false } = {}): FieldCase[] => [
  // 10,001 characters beyond U+FFFF are 40 kB, so the limit on the request is not reached first.
  ...textCases("body", LIMITS.bodyMax, "x", [["null", null]]),
  ...(optional ? [] : [{ what: "without a body field", json: { text: "x" }, path: "body" }]),
]

/** Returns wrong bodies of a batch: those of a message at several places, and lists that cannot be. */
export function batchBodyCases(): FieldCase[] {
  const message = { body: "x" }
  const wrongOnes = messageBodyCases().map(({ what, json, path }, index): FieldCase => {
    const at = index % 4
    const messages = [...Array.from({ length: at }, () => message), json, message]
    return { what: `${what} at ${at}`, json: { messages }, path: `messages.${at}.${path}` }
  })
  const wrongLists: [string, unknown, string][] = [
    ["no messages", [], "messages"],
    [`${LIMITS.batchMax + 1} messages`, Array.from({ length: LIMITS.batchMax + 1 }, () => message), "messages"],
    ["100,000 wrong messages", Array.from({ length: 100_000 }, () => ({})), "messages"],
    ["null", null, "messages"],
    ["one message that is no list", message, "messages"],
    ["a message that is null", [message, null], "messages.1"],
    ["a message that is a text", [message, message, "x"], "messages.2"],
  ]
  return [
    ...wrongOnes,
    ...wrongLists.map(([what, messages, path]) => ({ what: `with ${what}`, json: { messages }, path })),
    { what: "without messages", json: message, path: "messages" },
  ]
}

/** Names at the limits, each with what is stored. */
export const NAMES_TAKEN: [string, string, string][] = [
  ["of one character", "x", "x"],
  ["of 255 characters", repeated("x", 255), repeated("x", 255)],
  ["of 255 characters beyond U+FFFF", repeated("🙂", 255), repeated("🙂", 255)],
  ["of 255 characters between spaces", ` \t${repeated("ä", 255)}\n\u3000`, repeated("ä", 255)],
  ["with spaces inside", "  a  b  ", "a  b"],
  ["with control characters, quotes and NUL", "a\u0000b\"'\\`\u0007", "a\u0000b\"'\\`\u0007"],
  ["decomposed, which stays so", "e\u0301 ﬁ", "e\u0301 ﬁ"],
  ["with U+FFFE and U+FFFF", "a\ufffe\uffffb", "a\ufffe\uffffb"],
]
