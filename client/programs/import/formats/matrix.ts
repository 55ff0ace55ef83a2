/**
 * Reads rooms of Matrix: the JSON export of Element (one room, `room_name` and `messages`), and what Synapse's admin
 * command `export-data` writes (for each room a file `rooms/!…/events`). Both are events of the Matrix specification.
 * An event is edited, redacted and reacted to by later ones, so a room is read twice: first only for those.
 */
import type { Format, FormatOptions, Item, JsonObject, Source, SourceFile } from "../format.ts"
import { isObject, parts, upToDamage } from "../reading.ts"
import { idOf, textOf, told } from "../values.ts"
import { fileLeftOut, jsonHead } from "./export-files.ts"
import { type Annotations, annotationsOf, leftOver, type Told } from "./matrix-annotations.ts"
import { itemOf, type Names } from "./matrix-event.ts"
import { isSynapseEvents, synapseEvents } from "./matrix-synapse.ts"

export const matrix: Format = {
  name: "matrix",
  // Events that came late, from another server, stand where they came; both exports have them in the room's own order.
  order: "source",
  async detects(source: Source) {
    for await (const file of source.files()) if ((await readerOf(file)) !== undefined) return true
    return false
  },
  async *read(source, options) {
    for await (const file of source.files()) {
      const reader = await readerOf(file)
      if (reader === undefined) yield fileLeftOut(file)
      else yield* upToDamage(readRoom(file, reader, options))
    }
  },
}

type Reader = (file: SourceFile, options: FormatOptions) => AsyncGenerator<Told>

async function readerOf(file: SourceFile): Promise<Reader | undefined> {
  if (isSynapseEvents(file)) return synapseEvents
  const start = await jsonHead(file)
  return /^\s*\{/u.test(start) && start.includes('"room_name":') && start.includes('"messages":')
    ? elementEvents
    : undefined
}

async function* elementEvents(file: SourceFile, { maxBytes }: FormatOptions): AsyncGenerator<Told> {
  const about: JsonObject = {}
  for await (const { path, value } of parts(file, ["$.room_name", "$.topic", "$.messages.*"], maxBytes)) {
    if (path[0] !== "messages") yield { about: Object.assign(about, { [String(path[0])]: value }) }
    else if (isObject(value)) yield { event: value, at: { file: file.name, path: `messages[${path[1]}]` } }
  }
}

async function* readRoom(file: SourceFile, reader: Reader, options: FormatOptions): AsyncGenerator<Item> {
  const annotations: Annotations = await annotationsOf(reader(file, options))
  const names: Names = new Map()
  let about: JsonObject = {}
  let room: string | undefined
  for await (const told of reader(file, options)) {
    if ("about" in told) {
      about = told.about
      continue
    }
    const { event, at } = told
    room ??= idOf(event.room_id)
    const chat = idOf(event.room_id) ?? room ?? file.name
    if (event.type === "m.room.name" && isObject(event.content))
      about = { ...about, room_name: event.content.name ?? null }
    if (event.type === "m.room.topic" && isObject(event.content))
      about = { ...about, topic: event.content.topic ?? null }
    yield* itemOf(event, { chat, annotations, names, at })
  }
  yield* leftOver(annotations)
  const chat = room ?? file.name
  const metadata = told({ source: "matrix", source_id: room, topic: about.topic })
  yield { kind: "chat", chat, name: textOf(about.room_name) ?? null, metadata }
}
