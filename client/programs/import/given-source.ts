// Sources for tests: what files of these names and texts hold.
import { Readable } from "node:stream"
import type { Format, FormatOptions, Item, Source, SourceFile } from "./format.ts"

const MAX_BYTES = 1_000_000

export function sourceOf(files: Record<string, string>): Source {
  const named = Object.entries(files).map(([name, text]): SourceFile => {
    return { name, bytes: Buffer.byteLength(text), open: () => Readable.from([Buffer.from(text)]) }
  })
  return {
    async *files() {
      yield* named.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

/** Returns all that a format tells of these files. */
export async function itemsOf(
  format: Format,
  files: Record<string, string>,
  options: Partial<FormatOptions> = {},
): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of format.read(sourceOf(files), { maxBytes: MAX_BYTES, ...options })) items.push(item)
  return items
}

export type Message = Extract<Item, { kind: "message" }>
export const messagesOf = (items: Item[]): Message[] => items.filter((item) => item.kind === "message")
