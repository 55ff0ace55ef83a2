import { describe, expect, test } from "@jest/globals"
import { cut, fitChat, fitMessage, fitMetadata } from "./fit.ts"
import type { JsonObject } from "./format.ts"
import type { Message } from "./given-source.ts"

const NOW = Date.parse("2026-01-31T00:00:00Z")
const message = (members: Partial<Message> = {}): Message => ({
  kind: "message",
  chat: "c",
  id: "1",
  body: "Hello",
  sender: "ann",
  sentAt: "2026-01-30T09:00:00+01:00",
  metadata: {},
  at: { file: "f" },
  ...members,
})

/** Returns what became of a message and what was told. */
function fitted(members: Partial<Message>) {
  const told: string[] = []
  const messages = fitMessage(message(members), (what) => told.push(what), NOW)
  return { messages, told }
}

describe("a message", () => {
  test("that fits is as it was", () => {
    const metadata = { source_id: "1", reactions: [{ name: "+1", count: 2 }] }
    expect(fitted({ metadata, body: "  Hello\n" })).toEqual({
      messages: [{ body: "  Hello\n", sender: "ann", sent_at: "2026-01-30T09:00:00+01:00", metadata }],
      told: [],
    })
  })

  test("without sender, time and metadata has none", () => {
    expect(fitted({ sender: null, sentAt: null }).messages).toEqual([{ body: "Hello" }])
  })

  test("with nothing but files has their names as its text", () => {
    const files = [{ name: "a.txt", url: "https://x.example/a" }, { url: "https://x.example/b" }]
    expect(fitted({ body: " ", metadata: { files } }).messages[0]?.body).toBe("a.txt\nhttps://x.example/b")
  })

  test("with nothing at all is left out", () => {
    expect(fitted({ body: " \n" })).toEqual({ messages: [], told: ["empty message"] })
  })

  test.each(["1969-12-31T23:59:59Z", "2026-02-01T00:00:01Z", "2026-01-30", "soon"])(
    "has no time if it is %s",
    (sentAt) => {
      const { messages, told } = fitted({ sentAt })
      expect([messages[0]?.sent_at, told]).toEqual([undefined, ["sent_at"]])
    },
  )

  test("has no sender of more than 255 characters, and keeps one of 255", () => {
    expect(fitted({ sender: "😀".repeat(256) })).toMatchObject({ messages: [{ body: "Hello" }], told: ["sender"] })
    expect(fitted({ sender: "😀".repeat(255) }).told).toEqual([])
  })

  test("has U+FFFD for half a surrogate pair", () => {
    const { messages, told } = fitted({ body: "a\ud800b", metadata: { "\udc00": "\ud800" } })
    expect(messages).toMatchObject([{ body: "a\ufffdb", metadata: { "\ufffd": "\ufffd" } }])
    expect(told).toHaveLength(3)
  })

  test("of more than 10,000 characters becomes several, which together are its text", () => {
    const body = `${"word ".repeat(3_000)}${"😀".repeat(10_001)}`
    const { messages, told } = fitted({ body, metadata: { source_id: "1", reactions: ["+1"] } })
    expect(messages.map((part) => part.body).join("")).toBe(body)
    expect(messages.every((part) => [...part.body].length <= 10_000)).toBe(true)
    expect(messages.map(({ metadata }) => metadata)).toEqual([
      { source_id: "1", reactions: ["+1"], part: 1, parts: 3 },
      { source_id: "1", part: 2, parts: 3 },
      { source_id: "1", part: 3, parts: 3 },
    ])
    expect(messages.every(({ sent_at, sender }) => sent_at !== undefined && sender === "ann")).toBe(true)
    expect(told).toEqual([])
  })

  test("of 10,000 characters outside the BMP stays one", () => {
    expect(fitted({ body: "😀".repeat(10_000) }).messages).toHaveLength(1)
  })
})

describe("a cut", () => {
  test("is behind white space near the end", () => {
    const [first] = cut(`${"a".repeat(9_000)} ${"b".repeat(5_000)}`)
    expect(first).toBe(`${"a".repeat(9_000)} `)
  })

  test("is between characters if there is none", () => {
    expect(cut(`a${"😀".repeat(10_000)}`).map((part) => [...part].length)).toEqual([10_000, 1])
  })
})

describe("metadata", () => {
  const fitting = (metadata: JsonObject) => {
    const told: string[] = []
    return { kept: fitMetadata(metadata, (what) => told.push(what)), told }
  }

  test("loses its largest members until it has 4,096 bytes", () => {
    const { kept, told } = fitting({ source_id: "1", reactions: "ü".repeat(1_500), files: "x".repeat(3_500) })
    expect(Object.keys(kept)).toEqual(["source_id", "reactions"])
    expect(told).toEqual(["metadata files"])
  })

  test("of 4,096 bytes stays", () => {
    const metadata = { x: "y".repeat(4_096 - 8) }
    expect(Buffer.byteLength(JSON.stringify(metadata))).toBe(4_096)
    expect(fitting(metadata)).toEqual({ kept: metadata, told: [] })
  })

  test("keeps 8 levels and loses what is below", () => {
    const nested = (levels: number): JsonObject => (levels === 1 ? { end: 1 } : { in: nested(levels - 1) })
    expect(fitting(nested(8))).toEqual({ kept: nested(8), told: [] })
    expect(fitting(nested(9)).told).toEqual(["metadata in"])
  })
})

describe("a chat's name", () => {
  const name = (given: string | null) => fitChat({ name: given, metadata: {} }, () => undefined).name

  test("is trimmed, cut at 255 characters, and none if it is blank", () => {
    expect([name(" a "), name(" "), name(null)]).toEqual(["a", undefined, undefined])
    expect([...(name("😀".repeat(300)) ?? "")]).toHaveLength(255)
  })
})
