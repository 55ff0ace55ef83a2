// The formats that chat-import knows, in the order in which a source is tried.
import type { Format, Source } from "./format.ts"
import { ndjson } from "./formats/ndjson.ts"

export const FORMATS: Format[] = [ndjson]

/** Returns the format of this name, or the one that the source has. */
export async function formatOf(source: Source, name: string | undefined): Promise<Format> {
  for (const format of FORMATS)
    if (name === undefined ? await format.detects(source) : format.name === name) return format
  const names = FORMATS.map((format) => format.name).join(", ")
  if (name !== undefined) throw new Error(`--format: there is no format "${name}"; there are ${names}`)
  throw new Error(`the source is none of the formats that are known: ${names}. If it is one of them, say --format`)
}
