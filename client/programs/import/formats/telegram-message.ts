// Turns a message of Telegram's export into one of ours.
import type { JsonObject, JsonValue } from "../format.ts"
import { idOf, objectOf, objectsOf, textOf, told } from "../values.ts"

/** Returns the text of a value that is a string, or an array of strings and of parts with a `text`. */
function joined(value: JsonValue | undefined): string {
  if (typeof value === "string") return value
  if (!Array.isArray(value)) return ""
  return value.map((part) => (typeof part === "string" ? part : (textOf(objectOf(part).text) ?? ""))).join("")
}

const linksOf = ({ text }: JsonObject): JsonObject[] =>
  objectsOf(text)
    .filter(({ type }) => type === "text_link")
    .map(({ text: shown, href }) => told({ text: shown, url: href }))

/** What stands in place of the path of a file that is not in the export. */
const MISSING = /\((?:File|Photo) (?:not included|exceeds maximum size|unavailable)/u
export const isMissing = (file: JsonObject): boolean => file.missing === true

export function filesOf(message: JsonObject): JsonObject[] {
  const photo = textOf(message.photo)
  const file = textOf(message.file)
  const common = { width: message.width, height: message.height, seconds: message.duration_seconds }
  const vcard = textOf(message.contact_vcard)
  return [
    ...(photo === undefined ? [] : [{ path: photo, type: "photo", bytes: message.photo_file_size, ...common }]),
    ...(file === undefined
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
    ...(vcard === undefined ? [] : [{ path: vcard, type: "contact", bytes: message.contact_vcard_file_size }]),
  ].map(({ path, ...rest }) => {
    const missing = MISSING.test(path)
    return told({
      name: missing ? undefined : path.split("/").at(-1),
      ...told(rest),
      url: missing ? undefined : path,
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
  if (poll !== undefined) return listed(joined(objectOf(poll).question), objectsOf(objectOf(poll).answers))
  if (todo_list !== undefined) return listed(joined(objectOf(todo_list).title), objectsOf(objectOf(todo_list).answers))
  if (contact_information !== undefined) {
    const { first_name, last_name, phone_number } = objectOf(contact_information)
    return [first_name, last_name, phone_number].filter((part) => textOf(part) !== undefined).join(" ")
  }
  const { latitude, longitude } = objectOf(location_information)
  const place = [textOf(message.place_name), textOf(message.address)].filter((part) => part !== undefined)
  if (latitude !== undefined) return [...place, `${latitude}, ${longitude}`].join("\n")
  if (place.length > 0) return place.join("\n")
  const other = textOf(message.sticker_emoji) ?? textOf(game_title)
  if (other !== undefined) return other
  // Without a text and without a name, the pipeline would have nothing to show.
  return files.length > 0 && files.every((file) => file.name === undefined) ? `(${files[0]?.type ?? "file"})` : ""
}

export function metadataOf(message: JsonObject, files: JsonObject[], editedAt: string | undefined): JsonObject {
  const { poll, todo_list, contact_information, location_information } = message
  const forwarded = message.forwarded_from === undefined ? undefined : { sender_name: message.forwarded_from }
  return told({
    source_id: idOf(message.id),
    sender_name: message.from,
    signature: message.author,
    edited_at: editedAt,
    reply_to: idOf(message.reply_to_message_id),
    reply_to_chat: idOf(message.reply_to_peer_id),
    forwarded,
    saved_from: message.saved_from,
    via_bot: message.via_bot,
    files,
    links: linksOf(message),
    sticker_emoji: message.sticker_emoji,
    poll: poll === undefined ? undefined : pollOf(objectOf(poll)),
    todo_list: todo_list === undefined ? undefined : true,
    contact: contact_information,
    location: location_information,
    reactions: objectsOf(message.reactions).map(reactionOf),
  })
}

const pollOf = ({ closed, total_voters, answers }: JsonObject): JsonObject => ({
  closed: closed === true,
  voters: total_voters ?? null,
  answers: objectsOf(answers).map(({ text, voters }) => ({ text: joined(text), voters: voters ?? null })),
})

const reactionOf = ({ type, emoji, document_id, count, recent }: JsonObject): JsonObject =>
  told({
    name: textOf(emoji) ?? textOf(document_id) ?? type,
    count,
    users: objectsOf(recent).flatMap(({ from_id }) => idOf(from_id) ?? []),
  })
