// Mends what Telegram Desktop writes for control characters.
import { Readable } from "node:stream"
import type { SourceFile } from "../format.ts"

const BACKSLASH = 0x5c
const X = 0x78
/** "\x0B", as Telegram Desktop writes a control character, is no JSON: "\u000B" is. */
const UNICODE_ESCAPE = Buffer.from("\\u00")

/**
 * Returns the file as JSON. Telegram Desktop's writer (export_output_json.cpp, SerializeString) escapes characters below
 * U+0020 other than line feed, carriage return and tab as `\x0B`.
 */
export const mended = (file: SourceFile): SourceFile => ({
  ...file,
  open: () => Readable.from(withUnicodeEscapes(file.open() as AsyncIterable<Buffer>), { objectMode: false }),
})

async function* withUnicodeEscapes(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer | null = null
  for await (const next of chunks) {
    const chunk: Buffer = held === null ? next : Buffer.concat([held, next])
    held = null
    let from = 0
    // A backslash and the character behind it are taken together, so that "\\x" stays what it is.
    for (let at = chunk.indexOf(BACKSLASH); at >= 0; at = chunk.indexOf(BACKSLASH, at + 2)) {
      if (at + 1 === chunk.length) {
        held = chunk.subarray(at)
        break
      }
      if (chunk[at + 1] !== X) continue
      yield Buffer.concat([chunk.subarray(from, at), UNICODE_ESCAPE])
      from = at + 2
    }
    const end = chunk.length - (held?.length ?? 0)
    if (end > from) yield chunk.subarray(from, end)
  }
  if (held !== null) yield held
}
