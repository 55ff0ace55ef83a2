import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf, toldOf } from "../given-source.ts"
import { telegram } from "./telegram.ts"

const message = (id: number, more: object = {}) => ({
  id,
  type: "message",
  date: "2024-03-10T16:15:00",
  date_unixtime: "1710083700",
  from: "Ann",
  from_id: "user201",
  text: `Text ${id}`,
  text_entities: [{ type: "plain", text: `Text ${id}` }],
  ...more,
})
const chat = (messages: object[], more: object = {}) => ({
  name: "Books",
  type: "private_supergroup",
  id: 11,
  ...more,
  messages,
})
const readOne = async (more: object) =>
  messagesOf(await itemsOf(telegram, { "result.json": chat([message(1, more)]) }))[0]

describe("Telegram's reader", () => {
  test("an export of one chat or of an account is detected, another JSON file is not", async () => {
    expect(await telegram.detects(sourceOf({ "result.json": chat([]) }))).toBe(true)
    expect(await telegram.detects(sourceOf({ "result.json": { about: "Here", chats: { about: "", list: [] } } }))).toBe(
      true,
    )
    expect(await telegram.detects(sourceOf({ "result.json": { type: "personal", messages: [] } }))).toBe(false)
  })

  test("a message has the instant that date_unixtime tells, not the local date", async () => {
    const items = await itemsOf(telegram, { "result.json": chat([message(1)]) }, { timezone: "Asia/Tokyo" })
    expect(items).toEqual([
      {
        kind: "chat",
        chat: "channel11",
        name: "Books",
        metadata: { source: "telegram", source_id: "channel11", kind: "private_supergroup" },
      },
      {
        kind: "message",
        chat: "channel11",
        id: "1",
        body: "Text 1",
        sender: "user201",
        sentAt: "2024-03-10T15:15:00.000Z",
        metadata: { source_id: "1", sender_name: "Ann" },
        at: { file: "result.json", path: "messages[0]" },
      },
    ])
  })

  test("an old export without date_unixtime needs the time zone", async () => {
    const old = { "result.json": chat([message(1, { date_unixtime: undefined, edited: "2024-03-10T17:00:00" })]) }
    expect(toldOf(await itemsOf(telegram, old))).toEqual([
      "problem: a time without an offset: give --timezone, such as Europe/Berlin",
    ])
    expect((await itemsOf(telegram, old)).at(-1)).toMatchObject({ option: "--timezone" })
    const none = { "result.json": chat([message(1, { date_unixtime: undefined, date: "soon" })]) }
    expect(toldOf(await itemsOf(telegram, none))).toEqual(["problem: a message without a time"])
    const [read] = messagesOf(await itemsOf(telegram, old, { timezone: "Europe/Berlin" }))
    expect(read?.sentAt).toBe("2024-03-10T15:15:00.000Z")
    expect(read?.metadata).toMatchObject({ edited_at: "2024-03-10T16:00:00.000Z" })
  })

  test("a text in parts is joined, and its links are kept", async () => {
    const text = [
      "See ",
      { type: "text_link", text: "this", href: "https://example.org/" },
      " ",
      { type: "bold", text: "now" },
    ]
    expect(await readOne({ text })).toMatchObject({
      body: "See this now",
      metadata: { links: [{ text: "this", url: "https://example.org/" }] },
    })
  })

  test("edit, reply, forward and reactions are in the metadata", async () => {
    const read = await readOne({
      edited: "2024-03-10T16:20:00",
      edited_unixtime: "1710084000",
      reply_to_message_id: 7,
      reply_to_peer_id: "channel12",
      forwarded_from: "Ben",
      reactions: [
        {
          type: "emoji",
          count: 2,
          emoji: "👍",
          recent: [{ from: "Ben", from_id: "user202", date: "2024-03-10T16:21:00" }],
        },
        { type: "paid", count: 1 },
      ],
    })
    expect(read?.metadata).toEqual({
      source_id: "1",
      sender_name: "Ann",
      edited_at: "2024-03-10T15:20:00.000Z",
      reply_to: "7",
      reply_to_chat: "channel12",
      forwarded: { sender_name: "Ben" },
      reactions: [
        { name: "👍", count: 2, users: ["user202"] },
        { name: "paid", count: 1 },
      ],
    })
  })

  test("photos and files come as links into the export", async () => {
    expect(
      await readOne({ text: "", photo: "photos/photo_1.jpg", photo_file_size: 9, width: 4, height: 3 }),
    ).toMatchObject({
      body: "",
      metadata: {
        files: [{ name: "photo_1.jpg", type: "photo", bytes: 9, width: 4, height: 3, url: "photos/photo_1.jpg" }],
      },
    })
    const voice = { file: "voice/a.ogg", file_name: "a.ogg", media_type: "voice_message", mime_type: "audio/ogg" }
    expect((await readOne({ ...voice, file_size: 5, duration_seconds: 2 }))?.metadata).toMatchObject({
      files: [{ name: "a.ogg", type: "voice_message", bytes: 5, seconds: 2, url: "voice/a.ogg" }],
    })
  })

  test("a file that the export lacks is told, and its message stays", async () => {
    const photo = "(File not included. Change data exporting settings to download.)"
    const items = await itemsOf(telegram, { "result.json": chat([message(1, { text: "", photo })]) })
    expect(toldOf(items)).toEqual(["left out: file of a message"])
    expect(messagesOf(items)[0]).toMatchObject({
      body: "(photo)",
      metadata: { files: [{ type: "photo", missing: true }] },
    })
  })

  test.each([
    ["a sticker", { sticker_emoji: "🎉", file: "s.webp", media_type: "sticker" }, "🎉"],
    [
      "a poll",
      {
        poll: {
          question: "When?",
          answers: [
            { text: "Now", voters: 1 },
            { text: "Later", voters: 0 },
          ],
        },
      },
      "When?\n- Now\n- Later",
    ],
    ["a list", { todo_list: { title: ["Buy"], answers: [{ text: "Tea", id: 1 }] } }, "Buy\n- Tea"],
    [
      "a contact",
      { contact_information: { first_name: "Ben", last_name: "", phone_number: "+1 555 0100" } },
      "Ben +1 555 0100",
    ],
    ["a place", { location_information: { latitude: 1.5, longitude: -2 }, place_name: "Café" }, "Café\n1.5, -2"],
  ])("%s without a text has a body that tells it", async (_, more, body) => {
    expect((await readOne({ text: "", ...more }))?.body).toBe(body)
  })

  test("service messages and unsupported ones are left out", async () => {
    const join = {
      id: 1,
      type: "service",
      date_unixtime: "1710083700",
      actor: "Ann",
      action: "join_group_by_link",
      text: "",
    }
    const items = await itemsOf(telegram, { "result.json": chat([join, { id: 2, type: "unsupported" }]) })
    expect(toldOf(items)).toEqual(["left out: system message (join_group_by_link)", "left out: unsupported message"])
  })

  test("the chats of an archive are told apart by their kind, since ids of users and groups overlap", async () => {
    const items = await itemsOf(telegram, {
      "result.json": {
        about: "Here is the data you requested.",
        personal_information: { user_id: 1, first_name: "Ann" },
        contacts: { about: "These are your contacts", list: [{ user_id: 2 }] },
        chats: {
          about: "This page lists all chats from this export.",
          list: [
            chat([message(1)], { name: "Ben", type: "personal_chat", id: 5 }),
            chat([message(1)], { name: "Group", type: "private_group", id: 5 }),
            { type: "saved_messages", id: 1, messages: [message(9)] },
          ],
        },
        left_chats: { about: "", list: [chat([], { name: "Old", type: "public_channel", id: 5 })] },
      },
    })
    expect(items.flatMap((item) => (item.kind === "chat" ? [[item.chat, item.name]] : []))).toEqual([
      ["user5", "Ben"],
      ["chat5", "Group"],
      ["user1", null],
      ["channel5", "Old"],
    ])
    expect(messagesOf(items).map((read) => [read.chat, read.id, read.at.path])).toEqual([
      ["user5", "1", "chats.list[0].messages[0]"],
      ["chat5", "1", "chats.list[1].messages[0]"],
      ["user1", "9", "chats.list[2].messages[0]"],
    ])
    expect(toldOf(items)).toEqual(["left out: the account's own data", "left out: contacts"])
  })

  test("control characters, which Telegram Desktop writes as no JSON has them, are read", async () => {
    const text = JSON.stringify(chat([message(1, { text: "CONTROL" })])).replace(
      "CONTROL",
      String.raw`a\x0Bb \\x0B \"\\\x1F\n`,
    )
    const [read] = messagesOf(await itemsOf(telegram, { "result.json": text }))
    expect(read?.body).toBe('a\u000bb \\x0B "\\\u001f\n')
  })

  test("an archive that ends too early is no export", async () => {
    const text = JSON.stringify(chat([message(1), message(2)]))
    const told = toldOf(await itemsOf(telegram, { "result.json": text.slice(0, -9) }))
    expect(told).toEqual([expect.stringContaining("problem: ends too early")])
  })
})
