// The formats that chat-import knows, in the order in which a source is tried.
import type { Format, Source } from "./format.ts"
import { discord } from "./formats/discord.ts"
import { matrix } from "./formats/matrix.ts"
import { mattermost } from "./formats/mattermost.ts"
import { ndjson } from "./formats/ndjson.ts"
import { rocketchat } from "./formats/rocketchat.ts"
import { slack } from "./formats/slack.ts"
import { telegram } from "./formats/telegram.ts"
import { whatsapp } from "./formats/whatsapp.ts"
import { zulip } from "./formats/zulip.ts"

export const FORMATS: Format[] = [ndjson, slack, mattermost, rocketchat, zulip, discord, telegram, matrix, whatsapp]

/** Returns the format of this name, or the one that the source has. */
export async function formatOf(source: Source, name: string | undefined): Promise<Format> {
  for (const format of FORMATS)
    if (name === undefined ? await format.detects(source) : format.name === name) return format
  const names = FORMATS.map((format) => format.name).join(", ")
  if (name !== undefined) throw new Error(`--format: there is no format "${name}"; there are ${names}`)
  for await (const file of source.files())
    if (/\.(?:gz|tgz|tar|7z|rar|xz)$/.test(file.name))
      throw new Error(`${file.name}: unpack it first, and give the folder`)
  throw new Error(`the source is none of the formats that are known: ${names}. If it is one of them, say --format`)
}
