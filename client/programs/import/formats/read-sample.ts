// Lets tests read files that are made in them.
import { Readable } from "node:stream"
import type { Format, FormatOptions, Item, Source } from "../format.ts"

/** So small that a chunk ends within most messages, and within characters of several bytes. */
const CHUNK_BYTES = 7

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

/** Returns a source of files with these contents. Values that are no text are written as JSON. */
export function sampleOf(files: { [name: string]: unknown }): Source {
  return {
    async *files() {
      for (const [name, content] of Object.entries(files)) {
        const bytes = Buffer.from(typeof content === "string" ? content : JSON.stringify(content, null, 2))
        yield { name, bytes: bytes.length, open: () => Readable.from(chunksOf(bytes)) }
      }
    },
  }
}

export async function readSample(
  format: Format,
  files: { [name: string]: unknown },
  options: Partial<FormatOptions> = {},
): Promise<Item[]> {
  return await Array.fromAsync(format.read(sampleOf(files), { maxBytes: 1_000_000, ...options }))
}

export type Message = Extract<Item, { kind: "message" }>
export const messagesIn = (items: Item[]): Message[] => items.filter((item) => item.kind === "message")

/** Returns what was left out, and the problems, as short texts. */
export const toldIn = (items: Item[]): string[] =>
  items.flatMap((item) => {
    if (item.kind === "left-out") return [`left out: ${item.what}`]
    return item.kind === "problem" ? [`problem: ${item.why}`] : []
  })
