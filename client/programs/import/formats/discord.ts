/**
 * Reads the JSON of DiscordChatExporter: a file for each channel or thread, or several of one ("… [part 2].json"). As its
 * writer has it (JsonMessageWriter.cs), `guild` and `channel` come before `messages`.
 */
import type { Format, FormatOptions, Item, JsonObject, Place, SourceFile } from "../format.ts"
import { isObject, parts } from "../reading.ts"
import { compact, fileLeftOut, idIn, jsonHead, objectIn, objectsIn, textIn } from "./json-values.ts"

export const discord: Format = {
  name: "discord",
  // Parts come in the order of their names, in which "[part 10]" is before "[part 2]".
  order: "time",
  async detects(source) {
    for await (const file of source.files()) if (await isChannel(file)) return true
    return false
  },
  async *read(source, options) {
    const ranges: Range[] = []
    for await (const file of source.files()) {
      if (await isChannel(file)) yield* readChannel(file, options, ranges)
      else yield fileLeftOut(file)
    }
  },
}

async function isChannel(file: SourceFile): Promise<boolean> {
  const start = await jsonHead(file)
  return /^\s*\{/u.test(start) && ["guild", "channel", "messages"].every((name) => start.includes(`"${name}":`))
}

/** Which messages of a channel a file has. Ids grow with time. */
type Range = { file: string; chat: string; first: bigint; last: bigint }

async function* readChannel(file: SourceFile, options: FormatOptions, ranges: Range[]): AsyncGenerator<Item> {
  let guild: JsonObject = {}
  let channel: JsonObject = {}
  let chat: string | null = null
  let range: Range | null = null
  for await (const { path, value } of parts(file, ["$.guild", "$.channel", "$.messages.*"], options.maxBytes)) {
    const at: Place = { file: file.name, path: path.length > 1 ? `messages[${path[1]}]` : String(path[0]) }
    if (path[0] === "guild") guild = objectIn(value)
    else if (path[0] === "channel") {
      channel = objectIn(value)
      chat = idIn(channel.id)
      if (chat === null) yield { kind: "problem", why: "the channel has no id", at }
      else yield chatOf(chat, channel, guild)
    } else {
      const item = itemOf(objectIn(value), chat ?? "", at)
      const id = idIn(objectIn(value).id)
      if (chat === null || id === null || !/^\d+$/u.test(id)) {
        yield { kind: "problem", why: chat === null ? "a message before its channel" : "a message without an id", at }
        return
      }
      const number = BigInt(id)
      const other = ranges.find((seen) => seen.chat === chat && number >= seen.first && number <= seen.last)
      if (other !== undefined) {
        const why = `${other.file} has messages of the same channel and time: leave one of the two out`
        yield { kind: "problem", why, at }
        return
      }
      range = {
        file: file.name,
        chat,
        first: range === null || number < range.first ? number : range.first,
        last: range === null || number > range.last ? number : range.last,
      }
      yield item
    }
  }
  if (range !== null) ranges.push(range)
}

function chatOf(chat: string, channel: JsonObject, guild: JsonObject): Item {
  const metadata = compact({
    source: "discord",
    source_id: chat,
    type: channel.type,
    topic: channel.topic,
    parent_id: channel.categoryId,
    parent_name: channel.category,
    server_id: guild.id,
    server_name: guild.name,
  })
  return { kind: "chat", chat, name: textIn(channel.name), metadata }
}

/** The kinds of messages that people and bots write; 20 and 23 are answers to commands. All else Discord wrote itself. */
const WRITTEN = new Set(["Default", "Reply", "20", "23"])

function itemOf(message: JsonObject, chat: string, at: Place): Item {
  const type = textIn(message.type) ?? "Default"
  if (!WRITTEN.has(type))
    return { kind: "left-out", what: `system message (${type})`, why: "Discord wrote it, not a person", at }
  const author = objectIn(message.author)
  const sentAt = textIn(message.timestamp)
  const id = idIn(message.id) ?? ""
  if (sentAt === null) return { kind: "problem", why: "a message without a timestamp", at }
  const forwarded = objectIn(message.forwardedMessage)
  const metadata = compact({
    source_id: id,
    sender_name: textIn(author.nickname) ?? textIn(author.name),
    bot: author.isBot,
    edited_at: message.timestampEdited,
    pinned: message.isPinned,
    ...referenceOf(message, chat),
    files: [...filesOf(message), ...filesOf(forwarded)],
    embeds: [...embedsOf(message), ...embedsOf(forwarded)],
    reactions: objectsIn(message.reactions).map(reactionOf),
    mentions: objectsIn(message.mentions).flatMap((user) => idIn(user.id) ?? []),
    command: objectIn(message.interaction).name,
  })
  const body = [message, forwarded].map(bodyOf).find((text) => text !== "") ?? ""
  return { kind: "message", chat, id, body, sender: idIn(author.id), sentAt, metadata, at }
}

/** A bot's message may have embeds only; their text then stands for its own. */
function bodyOf(message: JsonObject): string {
  const content = textIn(message.content)
  if (content !== null) return content
  const texts = objectsIn(message.embeds).flatMap(({ title, description, url, fields }) => [
    textIn(title),
    textIn(description),
    ...objectsIn(fields).map((field) => `${textIn(field.name) ?? ""}: ${textIn(field.value) ?? ""}`),
    textIn(title) === null && textIn(description) === null ? textIn(url) : null,
  ])
  return texts.filter((text) => text !== null).join("\n")
}

function referenceOf(message: JsonObject, chat: string): { [name: string]: JsonObject[string] } {
  if (!isObject(message.reference)) return {}
  const { messageId, channelId, type } = message.reference
  const elsewhere = idIn(channelId) === chat ? null : idIn(channelId)
  if (type === "Forward") {
    const sentAt = objectIn(message.forwardedMessage).timestamp ?? null
    return { forwarded: compact({ source_id: messageId, chat_id: elsewhere, sent_at: sentAt }) }
  }
  return { reply_to: idIn(messageId), reply_to_chat: elsewhere }
}

const filesOf = (message: JsonObject): JsonObject[] => [
  ...objectsIn(message.attachments).map(({ fileName, url, fileSizeBytes }) =>
    compact({ name: fileName, url, bytes: fileSizeBytes }),
  ),
  ...objectsIn(message.stickers).map(({ name, sourceUrl }) => compact({ name, url: sourceUrl, type: "sticker" })),
]

const embedsOf = (message: JsonObject): JsonObject[] =>
  objectsIn(message.embeds).map(({ title, url, description }) => compact({ title, url, description }))

const reactionOf = ({ emoji, count, users }: JsonObject): JsonObject =>
  compact({
    name: objectIn(emoji).name,
    count,
    users: objectsIn(users).flatMap((user) => idIn(user.id) ?? []),
  })
