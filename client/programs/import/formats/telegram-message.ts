// Turns a message of Telegram's export into one of ours.
import type { JsonObject, JsonValue } from "../format.ts"
import { compact, idIn, objectIn, objectsIn, textIn } from "./json-values.ts"

/** Returns the text of a value that is a string, or an array of strings and of parts with a `text`. */
export function joined(value: JsonValue | undefined): string {
  if (typeof value === "string") return value
  if (!Array.isArray(value)) return ""
  return value.map((part) => (typeof part === "string" ? part : (textIn(objectIn(part).text) ?? ""))).join("")
}

const linksOf = ({ text }: JsonObject): JsonObject[] =>
  objectsIn(text)
    .filter(({ type }) => type === "text_link")
    .map(({ text: shown, href }) => compact({ text: shown, url: href }))

/** What stands in place of the path of a file that is not in the export. */
const MISSING = /\((?:File|Photo) (?:not included|exceeds maximum size|unavailable)/u
export const isMissing = (file: JsonObject): boolean => file.missing === true

export function filesOf(message: JsonObject): JsonObject[] {
  const photo = textIn(message.photo)
  const file = textIn(message.file)
  const common = { width: message.width, height: message.height, seconds: message.duration_seconds }
  const vcard = textIn(message.contact_vcard)
  return [
    ...(photo === null ? [] : [{ path: photo, type: "photo", bytes: message.photo_file_size, ...common }]),
    ...(file === null
      ? []
      : [
          {
            path: file,
            name: message.file_name,
            type: message.media_type ?? message.mime_type,
            bytes: message.file_size,
            ...common,
          },
        ]),
    ...(vcard === null ? [] : [{ path: vcard, type: "contact", bytes: message.contact_vcard_file_size }]),
  ].map(({ path, ...rest }) => {
    const missing = MISSING.test(path)
    return compact({
      name: missing ? null : path.split("/").at(-1),
      ...compact(rest),
      url: missing ? null : path,
      missing,
    })
  })
}

const listed = (title: string, items: JsonObject[]): string =>
  [title, ...items.map(({ text }) => `- ${joined(text)}`)].join("\n")

/** Returns the text of a message or, if it has none, what else it says. */
export function bodyOf(message: JsonObject, files: JsonObject[]): string {
  const text = joined(message.text)
  if (text !== "") return text
  const { poll, todo_list, contact_information, location_information, game_title } = message
  if (poll !== undefined) return listed(joined(objectIn(poll).question), objectsIn(objectIn(poll).answers))
  if (todo_list !== undefined) return listed(joined(objectIn(todo_list).title), objectsIn(objectIn(todo_list).answers))
  if (contact_information !== undefined) {
    const { first_name, last_name, phone_number } = objectIn(contact_information)
    return [first_name, last_name, phone_number].filter((part) => textIn(part) !== null).join(" ")
  }
  const { latitude, longitude } = objectIn(location_information)
  const place = [textIn(message.place_name), textIn(message.address)].filter((part) => part !== null)
  if (latitude !== undefined) return [...place, `${latitude}, ${longitude}`].join("\n")
  if (place.length > 0) return place.join("\n")
  const other = textIn(message.sticker_emoji) ?? textIn(game_title)
  if (other !== null) return other
  // Without a text and without a name, the pipeline would have nothing to show.
  return files.length > 0 && files.every((file) => file.name === undefined) ? `(${files[0]?.type ?? "file"})` : ""
}

export function metadataOf(message: JsonObject, files: JsonObject[], editedAt: string | null): JsonObject {
  const { poll, todo_list, contact_information, location_information } = message
  const forwarded = message.forwarded_from === undefined ? null : { sender_name: message.forwarded_from }
  return compact({
    source_id: idIn(message.id),
    sender_name: message.from,
    signature: message.author,
    edited_at: editedAt,
    reply_to: idIn(message.reply_to_message_id),
    reply_to_chat: idIn(message.reply_to_peer_id),
    forwarded,
    saved_from: message.saved_from,
    via_bot: message.via_bot,
    files,
    links: linksOf(message),
    sticker_emoji: message.sticker_emoji,
    poll: poll === undefined ? null : pollOf(objectIn(poll)),
    todo_list: todo_list === undefined ? null : true,
    contact: contact_information,
    location: location_information,
    reactions: objectsIn(message.reactions).map(reactionOf),
  })
}

const pollOf = ({ closed, total_voters, answers }: JsonObject): JsonObject => ({
  closed: closed === true,
  voters: total_voters ?? null,
  answers: objectsIn(answers).map(({ text, voters }) => ({ text: joined(text), voters: voters ?? null })),
})

const reactionOf = ({ type, emoji, document_id, count, recent }: JsonObject): JsonObject =>
  compact({
    name: textIn(emoji) ?? textIn(document_id) ?? type,
    count,
    users: objectsIn(recent).flatMap(({ from_id }) => idIn(from_id) ?? []),
  })
