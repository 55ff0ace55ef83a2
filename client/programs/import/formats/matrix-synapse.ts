// Reads the events that Synapse's `export-data` writes: JSON objects with nothing between them, without their ids.
import { createHash } from "node:crypto"
import { JSONParser } from "@streamparser/json"
import type { FormatOptions, JsonObject, JsonValue, Place, SourceFile } from "../format.ts"
import { BadSource, isObject } from "../reading.ts"
import { textOf } from "../values.ts"

export const isSynapseEvents = ({ name }: SourceFile): boolean =>
  /(?:^|\/)![^/]+\/events$/u.test(name) || name === "events"

/** Yields the events of a room, with the ids that they have. */
export async function* synapseEvents(
  file: SourceFile,
  { maxBytes }: FormatOptions,
): AsyncGenerator<{ event: JsonObject; at: Place }> {
  let version: string | null = null
  let index = 0
  for await (const value of documents(file, maxBytes)) {
    const at = { file: file.name, path: `[${index++}]` }
    if (!isObject(value)) throw new BadSource("is no event", at)
    if (value.type === "m.room.create" && isObject(value.content)) version = textOf(value.content.room_version) ?? "1"
    const event_id = value.event_id ?? eventIdOf(value, version)
    yield { event: { ...value, event_id }, at }
  }
}

/** Yields JSON documents that follow each other with nothing or white space between them. */
async function* documents(file: SourceFile, maxBytes: number): AsyncGenerator<JsonValue> {
  const parser = new JSONParser({ paths: ["$"], separator: "", keepStack: false })
  let found: JsonValue[] = []
  let [bytes, before] = [0, 0]
  parser.onValue = ({ value }) => found.push(value as JsonValue)
  const attempt = (step: () => void): void => {
    try {
      step()
    } catch (error) {
      throw new BadSource(`is not JSON: ${(error as Error).message}`, { file: file.name })
    }
  }
  for await (const chunk of file.open() as AsyncIterable<Buffer>) {
    attempt(() => parser.write(chunk))
    bytes += chunk.length
    if (found.length > 0) before = bytes
    if (bytes - before > maxBytes) throw new BadSource(`has over ${maxBytes} bytes in one event`, { file: file.name })
    yield* found
    found = []
  }
  attempt(() => parser.end())
}

/** Members that are part of an event's hash, up to room version 10; without the last three from version 11. */
const HASHED = `type room_id sender state_key content hashes depth prev_events auth_events origin_server_ts
  prev_state membership origin`.split(/\s+/u)
const HASHED_BEFORE_11 = 3
const LAST_WITH_ORIGIN = 10

/**
 * Returns the id of a message: the hash of what a redaction leaves of it (the specification's "reference hash"). A
 * redaction leaves nothing of the content of messages and reactions. In room versions 1 and 2, events have their ids.
 */
function eventIdOf(event: JsonObject, version: string | null): string {
  const after10 = Number(version) > LAST_WITH_ORIGIN
  const names = after10 ? HASHED.slice(0, -HASHED_BEFORE_11) : HASHED
  const members = names.toSorted().flatMap((name) => {
    const value = name === "content" ? {} : event[name]
    return value === undefined ? [] : [`${JSON.stringify(name)}:${JSON.stringify(value)}`]
  })
  const hash = createHash("sha256").update(`{${members.join(",")}}`)
  return `$${version === "3" ? hash.digest("base64").replace(/=+$/u, "") : hash.digest("base64url")}`
}
