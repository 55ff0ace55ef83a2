// Reads the files of a source: lines, whole JSON documents, or the parts of one that is too large for memory.
import { JSONParser } from "@streamparser/json"
import type { Item, JsonObject, JsonValue, Place, SourceFile } from "./format.ts"

/** The source is damaged or is not what it should be; `message` says what is wrong at `at`. */
export class BadSource extends Error {
  readonly at: Place
  constructor(message: string, at: Place) {
    super(message)
    this.name = "BadSource"
    this.at = at
  }
}

/** Yields items up to where the source is damaged, and that as a problem, so that what is beside it can be read. */
export async function* upToDamage(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* items
  } catch (error) {
    if (!(error instanceof BadSource)) throw error
    yield { kind: "problem", why: error.message, at: error.at }
  }
}

const NEWLINE = 0x0a
const utf8 = new TextDecoder("utf-8", { fatal: true })

function decoded(bytes: Uint8Array, at: Place): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new BadSource("is not UTF-8", at)
  }
}

/** Parses a JSON text. Throws a BadSource. */
export function parsed(text: string, at: Place): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw new BadSource(`is not JSON: ${(error as Error).message}`, at)
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Yields the lines of a file with their numbers, from 1, blank ones left out. Only a line feed ends a line (with or
 * without a carriage return), since U+2028 and the like may stand in a text. Throws a BadSource for a line that is
 * longer than `maxBytes` or is not UTF-8.
 */
export async function* lines(file: SourceFile, maxBytes: number): AsyncGenerator<{ line: number; text: string }> {
  let line = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  const take = (end: Buffer): string => {
    line++
    const bytes = pending.length === 0 ? end : Buffer.concat([...pending, end])
    pending = []
    pendingBytes = 0
    if (bytes.length > maxBytes) throw tooLong()
    return decoded(bytes, { file: file.name, line })
  }
  const tooLong = () => new BadSource(`has over ${maxBytes} bytes`, { file: file.name, line: Math.max(1, line) })
  for await (const chunk of file.open() as AsyncIterable<Buffer>) {
    let from = 0
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      const text = take(chunk.subarray(from, to))
      from = to + 1
      if (text.trim() !== "") yield { line, text }
    }
    if (from < chunk.length) pending.push(chunk.subarray(from))
    pendingBytes += chunk.length - from
    if (pendingBytes > maxBytes) {
      line++
      throw tooLong()
    }
  }
  const text = take(Buffer.alloc(0))
  if (text.trim() !== "") yield { line, text }
}

/** Returns the whole text of a file. Throws a BadSource if it is larger than `maxBytes` or not UTF-8. */
export async function text(file: SourceFile, maxBytes: number): Promise<string> {
  const at = { file: file.name }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of file.open() as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new BadSource(`has over ${maxBytes} bytes`, at)
    chunks.push(chunk)
  }
  return decoded(Buffer.concat(chunks), at)
}

/** Returns a JSON document as a whole. Throws a BadSource. */
export const json = async (file: SourceFile, maxBytes: number): Promise<JsonValue> =>
  parsed(await text(file, maxBytes), { file: file.name })

/** The first bytes of a file as text, for `detects`. */
export async function head(file: SourceFile, bytes = 4_096): Promise<string> {
  const chunks: Buffer[] = []
  let read = 0
  const stream = file.open()
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    read += chunk.length
    if (read >= bytes) break
  }
  stream.destroy()
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, bytes))
}

export type Part = { path: (string | number)[]; value: JsonValue }

/**
 * Yields parts of a JSON document of any size as they come, such as those at `$.name` and `$.messages.*`, where `*` is
 * any index or name. Only what lies between two parts is in memory. Throws a BadSource if the document is not JSON, or if
 * more than `maxBytes` (and a chunk of the stream) come without a part.
 */
export async function* parts(file: SourceFile, paths: string[], maxBytes: number): AsyncGenerator<Part> {
  const parser = new JSONParser({ paths, keepStack: false })
  let found: Part[] = []
  let before = 0
  let bytes = 0
  parser.onValue = ({ value, key, stack }) => {
    const path = [...stack.slice(1).map((above) => above.key), key].filter((name) => name !== undefined)
    found.push({ path, value: value as JsonValue })
  }
  const fail = (why: string) => new BadSource(`${why}, near byte ${bytes}`, { file: file.name })
  for await (const chunk of file.open() as AsyncIterable<Buffer>) {
    try {
      parser.write(chunk)
    } catch (error) {
      throw fail(`is not JSON: ${(error as Error).message}`)
    }
    bytes += chunk.length
    if (found.length > 0) before = bytes
    if (bytes - before > maxBytes) throw fail(`has over ${maxBytes} bytes in one part`)
    yield* found
    found = []
  }
  if (!parser.isEnded) throw fail("ends too early")
  yield* found
}
