// Sources for tests: what files of these names and contents hold.
import { Readable } from "node:stream"
import type { Format, FormatOptions, Item, Source, SourceFile } from "./format.ts"

const MAX_BYTES = 1_000_000
/** So small that chunks end within words, escapes and characters of several bytes. */
const CHUNK_BYTES = 7

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

/** Contents by name; an object is written as JSON. */
type Files = Record<string, string | object>

export function sourceOf(files: Files): Source {
  const named = Object.entries(files).map(([name, contents]): SourceFile => {
    const text = typeof contents === "string" ? contents : JSON.stringify(contents, null, 2)
    return { name, bytes: Buffer.byteLength(text), open: () => Readable.from(chunksOf(Buffer.from(text))) }
  })
  return {
    async *files() {
      yield* named.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

/** Returns all that a format tells of these files. */
export async function itemsOf(format: Format, files: Files, options: Partial<FormatOptions> = {}): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of format.read(sourceOf(files), { maxBytes: MAX_BYTES, ...options })) items.push(item)
  return items
}

export type Message = Extract<Item, { kind: "message" }>
/** Returns what was left out, and the problems, as short texts. */
export const toldOf = (items: Item[]): string[] =>
  items.flatMap((item) => {
    if (item.kind === "left-out") return [`left out: ${item.what}`]
    return item.kind === "problem" ? [`problem: ${item.why}`] : []
  })

export const messagesOf = (items: Item[]): Message[] => items.filter((item) => item.kind === "message")
