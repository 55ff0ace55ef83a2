/**
 * Reads the JSON of DiscordChatExporter: a file for each channel or thread, or several of one ("… [part 2].json"). As its
 * writer has it (JsonMessageWriter.cs), `guild` and `channel` come before `messages`.
 */
import type { Format, FormatOptions, Item, JsonObject, JsonValue, Place, SourceFile } from "../format.ts"
import { isObject, parts, upToDamage } from "../reading.ts"
import { idOf, objectOf, objectsOf, textOf, told } from "../values.ts"
import { fileLeftOut, jsonHead } from "./export-files.ts"

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
      if (await isChannel(file)) yield* upToDamage(readChannel(file, options, ranges))
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
  let chat: string | undefined
  let range: Range | undefined
  for await (const { path, value } of parts(file, ["$.guild", "$.channel", "$.messages.*"], options.maxBytes)) {
    const at: Place = { file: file.name, path: path.length > 1 ? `messages[${path[1]}]` : String(path[0]) }
    if (path[0] === "guild") guild = objectOf(value)
    else if (path[0] === "channel") {
      channel = objectOf(value)
      chat = idOf(channel.id)
      if (chat === undefined) yield { kind: "problem", why: "the channel has no id", at }
      else yield chatOf(chat, channel, guild)
    } else {
      const item = itemOf(objectOf(value), chat ?? "", at)
      const id = idOf(objectOf(value).id)
      if (chat === undefined || id === undefined || !/^\d+$/u.test(id)) {
        yield {
          kind: "problem",
          why: chat === undefined ? "a message before its channel" : "a message without an id",
          at,
        }
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
        first: range === undefined || number < range.first ? number : range.first,
        last: range === undefined || number > range.last ? number : range.last,
      }
      yield item
    }
  }
  if (range !== undefined) ranges.push(range)
}

function chatOf(chat: string, channel: JsonObject, guild: JsonObject): Item {
  const metadata = told({
    source: "discord",
    source_id: chat,
    kind: channel.type,
    topic: channel.topic,
    parent_id: channel.categoryId,
    parent_name: channel.category,
    server_id: guild.id,
    server_name: guild.name,
  })
  return { kind: "chat", chat, name: textOf(channel.name) ?? null, metadata }
}

/** The kinds of messages that people and bots write; 20 and 23 are answers to commands. All else Discord wrote itself. */
const WRITTEN = new Set(["Default", "Reply", "20", "23"])

function itemOf(message: JsonObject, chat: string, at: Place): Item {
  const type = textOf(message.type) ?? "Default"
  if (!WRITTEN.has(type))
    return { kind: "left-out", what: `system message (${type})`, why: "Discord wrote it, not a person", at }
  const author = objectOf(message.author)
  const sentAt = textOf(message.timestamp)
  const id = idOf(message.id) ?? ""
  if (sentAt === undefined) return { kind: "problem", why: "a message without a timestamp", at }
  const forwarded = objectOf(message.forwardedMessage)
  const metadata = told({
    source_id: id,
    sender_name: textOf(author.nickname) ?? textOf(author.name),
    bot: author.isBot,
    edited_at: message.timestampEdited,
    pinned: message.isPinned,
    ...referenceOf(message, chat),
    files: [...filesOf(message), ...filesOf(forwarded)],
    embeds: [...embedsOf(message), ...embedsOf(forwarded)],
    reactions: objectsOf(message.reactions).map(reactionOf),
    mentions: objectsOf(message.mentions).flatMap((user) => idOf(user.id) ?? []),
    command: objectOf(message.interaction).name,
  })
  const body = [message, forwarded].map(bodyOf).find((text) => text !== "") ?? ""
  return { kind: "message", chat, id, body, sender: idOf(author.id) ?? null, sentAt, metadata, at }
}

/** A bot's message may have embeds only; their text then stands for its own. */
function bodyOf(message: JsonObject): string {
  const content = textOf(message.content)
  if (content !== undefined) return content
  const texts = objectsOf(message.embeds).flatMap(({ title, description, url, fields }) => [
    textOf(title),
    textOf(description),
    ...objectsOf(fields).map((field) => `${textOf(field.name) ?? ""}: ${textOf(field.value) ?? ""}`),
    textOf(title) === undefined && textOf(description) === undefined ? textOf(url) : undefined,
  ])
  return texts.filter((text) => text !== undefined).join("\n")
}

function referenceOf(message: JsonObject, chat: string): Record<string, JsonValue | undefined> {
  if (!isObject(message.reference)) return {}
  const { messageId, channelId, type } = message.reference
  const elsewhere = idOf(channelId) === chat ? undefined : idOf(channelId)
  if (type === "Forward") {
    const sentAt = objectOf(message.forwardedMessage).timestamp
    return { forwarded: told({ source_id: messageId, chat_id: elsewhere, sent_at: sentAt }) }
  }
  return { reply_to: idOf(messageId), reply_to_chat: elsewhere }
}

const filesOf = (message: JsonObject): JsonObject[] => [
  ...objectsOf(message.attachments).map(({ fileName, url, fileSizeBytes }) =>
    told({ name: fileName, url, bytes: fileSizeBytes }),
  ),
  ...objectsOf(message.stickers).map(({ name, sourceUrl }) => told({ name, url: sourceUrl, type: "sticker" })),
]

const embedsOf = (message: JsonObject): JsonObject[] =>
  objectsOf(message.embeds).map(({ title, url, description }) => told({ title, url, description }))

const reactionOf = ({ emoji, count, users }: JsonObject): JsonObject =>
  told({
    name: objectOf(emoji).name,
    count,
    users: objectsOf(users).flatMap((user) => idOf(user.id) ?? []),
  })
