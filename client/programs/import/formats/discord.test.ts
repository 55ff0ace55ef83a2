import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf, toldOf } from "../given-source.ts"
import { discord } from "./discord.ts"

const author = { id: "201", name: "ann", discriminator: "0000", nickname: "Ann", isBot: false, roles: [] }
const message = (id: string, more: object = {}) => ({
  id,
  type: "Default",
  timestamp: "2024-03-10T15:15:00.123+01:00",
  timestampEdited: null,
  callEndedTimestamp: null,
  isPinned: false,
  content: `Text ${id}`,
  author,
  attachments: [],
  embeds: [],
  stickers: [],
  reactions: [],
  mentions: [],
  inlineEmojis: [],
  ...more,
})
const channel = (messages: object[], more: object = {}) => ({
  guild: { id: "1", name: "Readers", iconUrl: "https://example.org/icon.png" },
  channel: {
    id: "11",
    type: "GuildTextChat",
    categoryId: "10",
    category: "Talk",
    name: "books",
    topic: "On books",
    ...more,
  },
  dateRange: { after: null, before: null },
  exportedAt: "2024-04-01T00:00:00+00:00",
  messages,
  messageCount: messages.length,
})

describe("Discord's reader", () => {
  test("an export of DiscordChatExporter is detected, another JSON file is not", async () => {
    expect(await discord.detects(sourceOf({ "books.json": channel([]) }))).toBe(true)
    expect(await discord.detects(sourceOf({ "books.json": { guild: 1, messages: [] }, "a.txt": '{"guild":' }))).toBe(
      false,
    )
  })

  test("a channel comes with its guild, a message with its own offset", async () => {
    const items = await itemsOf(discord, { "books.json": channel([message("100")]) })
    expect(items).toEqual([
      {
        kind: "chat",
        chat: "11",
        name: "books",
        metadata: {
          source: "discord",
          source_id: "11",
          kind: "GuildTextChat",
          topic: "On books",
          parent_id: "10",
          parent_name: "Talk",
          server_id: "1",
          server_name: "Readers",
        },
      },
      {
        kind: "message",
        chat: "11",
        id: "100",
        body: "Text 100",
        sender: "201",
        sentAt: "2024-03-10T15:15:00.123+01:00",
        metadata: { source_id: "100", sender_name: "Ann" },
        at: { file: "books.json", path: "messages[0]" },
      },
    ])
  })

  test("edit, pin, reply, files, reactions, mentions and embeds are in the metadata", async () => {
    const rich = message("101", {
      type: "Reply",
      timestampEdited: "2024-03-10T15:20:00+01:00",
      isPinned: true,
      reference: { type: "Default", messageId: "100", channelId: "11", guildId: "1" },
      attachments: [{ id: "5", url: "https://example.org/a.pdf", fileName: "a.pdf", fileSizeBytes: 12 }],
      stickers: [{ id: "6", name: "wave", format: "Png", sourceUrl: "https://example.org/wave.png" }],
      embeds: [{ title: "A page", url: "https://example.org/", description: "About", images: [], fields: [] }],
      reactions: [{ emoji: { id: "", name: "👍", code: "thumbsup" }, count: 2, users: [{ id: "201" }, { id: "202" }] }],
      mentions: [{ id: "202", name: "ben" }],
    })
    const [read] = messagesOf(await itemsOf(discord, { "books.json": channel([rich]) }))
    expect(read?.metadata).toEqual({
      source_id: "101",
      sender_name: "Ann",
      edited_at: "2024-03-10T15:20:00+01:00",
      pinned: true,
      reply_to: "100",
      files: [
        { name: "a.pdf", url: "https://example.org/a.pdf", bytes: 12 },
        { name: "wave", url: "https://example.org/wave.png", type: "sticker" },
      ],
      embeds: [{ title: "A page", url: "https://example.org/", description: "About" }],
      reactions: [{ name: "👍", count: 2, users: ["201", "202"] }],
      mentions: ["202"],
    })
  })

  test("a forwarded message has the text and the files of the original", async () => {
    const forward = message("102", {
      content: "",
      reference: { type: "Forward", messageId: "7", channelId: "12", guildId: "1" },
      forwardedMessage: {
        timestamp: "2024-01-01T00:00:00+00:00",
        timestampEdited: null,
        content: "Read this",
        attachments: [{ id: "5", url: "b.png", fileName: "b.png", fileSizeBytes: 3 }],
        embeds: [],
        stickers: [],
      },
    })
    const [read] = messagesOf(await itemsOf(discord, { "books.json": channel([forward]) }))
    expect(read?.body).toBe("Read this")
    expect(read?.metadata).toMatchObject({
      forwarded: { source_id: "7", chat_id: "12", sent_at: "2024-01-01T00:00:00+00:00" },
      files: [{ name: "b.png", url: "b.png", bytes: 3 }],
    })
  })

  test("the embed of a bot is its text; its answer to a command is a message", async () => {
    const embed = { title: "Weather", description: "Sunny", fields: [{ name: "Wind", value: "3", isInline: true }] }
    const answer = message("103", {
      type: "20",
      content: "",
      author: { ...author, isBot: true },
      embeds: [embed],
      interaction: { id: "9", name: "weather", user: author },
    })
    const [read] = messagesOf(await itemsOf(discord, { "books.json": channel([answer]) }))
    expect(read?.body).toBe("Weather\nSunny\nWind: 3")
    expect(read?.metadata).toMatchObject({ bot: true, command: "weather" })
  })

  test.each(["GuildMemberJoin", "ChannelPinnedMessage", "Call", "RecipientAdd", "ThreadCreated", "8", "21"])(
    "a system message of type %s is left out",
    async (type) => {
      const items = await itemsOf(discord, { "books.json": channel([message("104", { type })]) })
      expect(messagesOf(items)).toEqual([])
      expect(toldOf(items)).toEqual([`left out: system message (${type})`])
    },
  )

  test("parts of a channel are one chat; other files are left out", async () => {
    const items = await itemsOf(discord, {
      "books [part 2].json": channel([message("120")]),
      "books.json": channel([message("110")]),
      "books.json_Files/a.png": "…",
    })
    expect(messagesOf(items).map(({ chat, id }) => [chat, id])).toEqual([
      ["11", "120"],
      ["11", "110"],
    ])
    expect(toldOf(items)).toEqual(["left out: file"])
    expect(discord.order).toBe("time")
  })

  test("two exports of the same time of a channel are a problem, since messages would come twice", async () => {
    const items = await itemsOf(discord, {
      "a.json": channel([message("110"), message("120")]),
      "b.json": channel([message("115")]),
    })
    expect(toldOf(items)).toEqual([
      "problem: a.json has messages of the same channel and time: leave one of the two out",
    ])
  })

  test("a message without an id or a time is a problem at its place", async () => {
    const items = await itemsOf(discord, { "a.json": channel([message("1", { timestamp: null }), message("", {})]) })
    expect(items.slice(1)).toEqual([
      { kind: "problem", why: "a message without a timestamp", at: { file: "a.json", path: "messages[0]" } },
      { kind: "problem", why: "a message without an id", at: { file: "a.json", path: "messages[1]" } },
    ])
  })

  test("a file that ends too early is no export", async () => {
    const text = JSON.stringify(channel([message("1"), message("2")]))
    const told = toldOf(await itemsOf(discord, { "a.json": text.slice(0, -40) }))
    expect(told).toEqual([expect.stringContaining("problem: ends too early")])
  })
})
