import { Readable } from "node:stream"
import { describe, expect, test } from "@jest/globals"
import type { SourceFile } from "./format.ts"
import { json, lines, parts } from "./reading.ts"

const MAX = 1_000

/** A file whose stream has chunks of this size, so that they end anywhere. */
function fileOf(text: string | Buffer, chunk = 3): SourceFile {
  const bytes = Buffer.from(text as string)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, index) =>
    bytes.subarray(index * chunk, (index + 1) * chunk),
  )
  return { name: "f", bytes: bytes.length, open: () => Readable.from(chunks) }
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of from) found.push(one)
  return found
}

describe("lines", () => {
  test.each([1, 2, 3, 100])("end at line feeds only, in chunks of %i bytes", async (chunk) => {
    const text = "\ufeffa\u2028ü\r\n\n  \n😀\u0085"
    expect(await all(lines(fileOf(text, chunk), MAX))).toEqual([
      { line: 1, text: "a\u2028ü\r" },
      { line: 4, text: "😀\u0085" },
    ])
  })

  test("that are too long are refused with their number", async () => {
    await expect(all(lines(fileOf(`a\n${"b".repeat(11)}\nc`), 10))).rejects.toMatchObject({
      at: { file: "f", line: 2 },
    })
    await expect(all(lines(fileOf(`a\n${"b".repeat(100)}`), 10))).rejects.toMatchObject({ at: { file: "f", line: 2 } })
    expect(await all(lines(fileOf(`a\n${"b".repeat(10)}\nc`), 10))).toHaveLength(3)
  })

  test("that are not UTF-8 are refused with their number", async () => {
    const bytes = Buffer.concat([Buffer.from("a\n"), Buffer.from([0xff, 0x0a])])
    await expect(all(lines(fileOf(bytes), MAX))).rejects.toMatchObject({ message: "is not UTF-8", at: { line: 2 } })
  })
})

describe("a document", () => {
  test("that is no JSON or too large is refused", async () => {
    await expect(json(fileOf("{"), MAX)).rejects.toMatchObject({ name: "BadSource", at: { file: "f" } })
    await expect(json(fileOf('"aaaaaaaaaaaa"'), 10)).rejects.toThrow(/over 10 bytes/)
  })
})

describe("parts", () => {
  const document = JSON.stringify({
    name: "n",
    skipped: { name: "s" },
    messages: [{ id: 1, text: "ü" }, { id: 2 }],
    end: 1,
  })

  test.each([1, 7, 1_000])("come with their paths, in chunks of %i bytes", async (chunk) => {
    expect(await all(parts(fileOf(document, chunk), ["$.name", "$.messages.*"], MAX))).toEqual([
      { path: ["name"], value: "n" },
      { path: ["messages", 0], value: { id: 1, text: "ü" } },
      { path: ["messages", 1], value: { id: 2 } },
    ])
  })

  test("of arrays in arrays come with all indexes", async () => {
    const nested = JSON.stringify({ chats: [{ messages: [1, 2] }, { messages: [3] }] })
    const found = await all(parts(fileOf(nested), ["$.chats.*.messages.*"], MAX))
    expect(found.map(({ path, value }) => [path.join("."), value])).toEqual([
      ["chats.0.messages.0", 1],
      ["chats.0.messages.1", 2],
      ["chats.1.messages.0", 3],
    ])
  })

  test("of a damaged document are refused", async () => {
    await expect(all(parts(fileOf('{"messages":[1,'), ["$.messages.*"], MAX))).rejects.toThrow(/ends too early/)
    await expect(all(parts(fileOf('{"messages":[1,}'), ["$.messages.*"], MAX))).rejects.toThrow(/is not JSON/)
  })

  test("that are too large are refused, while all of them together may be larger", async () => {
    const many = JSON.stringify({ messages: Array.from({ length: 100 }, (_, id) => ({ id })) })
    expect(await all(parts(fileOf(many), ["$.messages.*"], 50))).toHaveLength(100)
    const one = JSON.stringify({ messages: ["a".repeat(200)] })
    await expect(all(parts(fileOf(one), ["$.messages.*"], 50))).rejects.toThrow(/over 50 bytes in one part/)
  })
})
