import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf } from "../given-source.ts"
import { slack } from "./slack.ts"
import { plainText } from "./slack-text.ts"

const USERS = JSON.stringify([
  { id: "U1", name: "ann", profile: { display_name: "Ann", real_name: "Ann Example" } },
  { id: "U2", name: "bob", profile: { display_name: "", real_name: "Bob Example" } },
])
const CHANNELS = JSON.stringify([
  { id: "C1", name: "general", members: ["U1", "U2"], topic: { value: "Anything" }, purpose: { value: "" } },
])
const export_ = (messages: object[], more: Record<string, string> = {}) => ({
  "channels.json": CHANNELS,
  "users.json": USERS,
  "general/2026-01-31.json": JSON.stringify(messages),
  ...more,
})
const only = async (message: object) => {
  const [found] = messagesOf(await itemsOf(slack, export_([{ type: "message", ts: "1769850000.000100", ...message }])))
  return found
}

describe("an export of Slack", () => {
  test("is known by its lists and days", async () => {
    expect(await slack.detects(sourceOf(export_([])))).toBe(true)
    expect(await slack.detects(sourceOf({ "users.json": USERS }))).toBe(false)
    expect(await slack.detects(sourceOf({ "general/2026-01-31.json": "[]" }))).toBe(false)
  })

  test("has its channels as chats", async () => {
    const [chat] = await itemsOf(slack, export_([]))
    const metadata = { source: "slack", source_id: "C1", kind: "public channel", topic: "Anything" }
    expect(chat).toEqual({ kind: "chat", chat: "C1", name: "general", metadata })
  })

  test("has direct messages as chats with the names of their members", async () => {
    const files = export_([], {
      "dms.json": JSON.stringify([{ id: "D1", members: ["U1", "U2"] }]),
      "mpims.json": JSON.stringify([{ id: "G1", name: "mpdm-ann--bob-1", members: ["U1", "U2"] }]),
      "D1/2026-01-31.json": JSON.stringify([{ type: "message", ts: "1769850000.000100", user: "U1", text: "Psst" }]),
      "mpdm-ann--bob-1/2026-01-31.json": JSON.stringify([{ ts: "1769850000.000100", user: "U2", text: "All" }]),
    })
    const items = await itemsOf(slack, files)
    const chats = items.flatMap((item) => (item.kind === "chat" ? [[item.chat, item.name, item.metadata.kind]] : []))
    expect(chats).toContainEqual(["D1", "Ann, Bob Example", "direct message"])
    expect(chats).toContainEqual(["G1", "Ann, Bob Example", "group direct message"])
    expect(messagesOf(items).map(({ chat, body }) => [chat, body])).toEqual([
      ["D1", "Psst"],
      ["G1", "All"],
    ])
  })

  test("keeps who, when and what of a message", async () => {
    const found = await only({
      user: "U1",
      text: "Hello",
      thread_ts: "1769849999.000000",
      edited: { user: "U1", ts: "1769850001.500000" },
      reactions: [{ name: "+1", users: ["U2"], count: 1 }],
      files: [{ id: "F1", name: "a.txt", mimetype: "text/plain", size: 3, url_private: "https://files.example/a.txt" }],
    })
    expect(found).toEqual({
      kind: "message",
      chat: "C1",
      id: "1769850000.000100",
      body: "Hello",
      sender: "U1",
      sentAt: "2026-01-31T09:00:00.000Z",
      metadata: {
        source_id: "1769850000.000100",
        sender_name: "Ann",
        thread_id: "1769849999.000000",
        edited_at: "2026-01-31T09:00:01.500Z",
        files: [{ id: "F1", name: "a.txt", url: "https://files.example/a.txt", type: "text/plain", bytes: 3 }],
        reactions: [{ name: "+1", users: ["U2"], count: 1 }],
      },
      at: { file: "general/2026-01-31.json", path: "[0]" },
    })
  })

  test("gives the root of a thread no thread, and a broadcast reply its own", async () => {
    expect((await only({ text: "root", thread_ts: "1769850000.000100" }))?.metadata.thread_id).toBeUndefined()
    const reply = await only({ text: "reply", subtype: "thread_broadcast", thread_ts: "1769849999.000000" })
    expect(reply?.metadata).toEqual({ source_id: "1769850000.000100", thread_id: "1769849999.000000" })
  })

  test("takes the text of an app's message from its attachments", async () => {
    const found = await only({
      subtype: "bot_message",
      bot_id: "B1",
      username: "Build",
      text: "",
      attachments: [{ title: "Build 7", text: "green" }],
    })
    expect(found).toMatchObject({
      body: "Build 7\ngreen",
      sender: "B1",
      metadata: { sender_name: "Build", kind: "bot_message" },
    })
  })

  test("leaves notices and deleted messages out, and says so", async () => {
    const notices = ["channel_join", "channel_topic", "pinned_item", "tombstone", "reminder_add"]
    const items = await itemsOf(
      slack,
      export_(notices.map((subtype, index) => ({ ts: `1769850000.00010${index}`, subtype, text: "x" }))),
    )
    expect(messagesOf(items)).toEqual([])
    expect(items.flatMap((item) => (item.kind === "left-out" ? [item.what] : []))).toEqual([
      "join or leave",
      "change of a channel",
      "pin",
      "deleted message",
      "notice",
    ])
  })

  test("with damage is a problem with its place", async () => {
    const items = await itemsOf(slack, export_([{ user: "U1", text: "no ts" }]))
    expect(items).toContainEqual({
      kind: "problem",
      why: "ts: is not a time of Slack",
      at: { file: "general/2026-01-31.json", path: "[0]" },
    })
  })

  test("with several files that are no JSON is told of each, and the others are read", async () => {
    const good = JSON.stringify([{ type: "message", ts: "1769850000.000100", user: "U1", text: "Hello" }])
    const [first, second, third] = ["general/2026-01-30.json", "general/2026-02-01.json", "groups.json"] as const
    const items = await itemsOf(slack, {
      ...export_([]),
      [first]: "[{",
      [second]: "{",
      [third]: "",
      "general/2026-02-02.json": good,
    })
    expect(items.flatMap((item) => (item.kind === "problem" ? [item.at.file] : [])).sort()).toEqual([
      first,
      second,
      third,
    ])
    expect(messagesOf(items)).toMatchObject([{ body: "Hello" }])
  })

  test("keeps the addresses of files without the export's secret", async () => {
    const urls = [
      "https://files.example/a.txt?t=xoxe-1-secret",
      "https://files.example/b.txt?origin=x&t=xoxe-1-secret",
      "https://video.example/watch?v=1&t=30s",
    ]
    const found = await only({ text: "See", files: urls.map((url_private) => ({ url_private })) })
    expect(found?.metadata.files).toEqual([
      { url: "https://files.example/a.txt" },
      { url: "https://files.example/b.txt?origin=x" },
      { url: "https://video.example/watch?v=1&t=30s" },
    ])
  })
})

describe("the markup of Slack", () => {
  const names = {
    user: (id: string) => (id === "U1" ? "Ann" : undefined),
    channel: (id: string) => (id === "C1" ? "general" : undefined),
  }

  test.each([
    ["<@U1>, <@U9|zoe> and <@U8>", "@Ann, @zoe and @U8"],
    ["<#C1> <#C2|other> <#C1|>", "#general #other #general"],
    ["<!here> <!channel> <!subteam^S1|@team>", "@here @channel @team"],
    ["<!date^1392734382^{date}|18 Feb 2014>", "18 Feb 2014"],
    ["<https://a.example/b?c=1&amp;d=2>", "https://a.example/b?c=1&d=2"],
    ["<https://a.example|a.example> <https://a.example|here>", "https://a.example here (https://a.example)"],
    ["<mailto:a@b.example|a@b.example>", "a@b.example"],
    ["1 &lt; 2 &amp;&amp; 3 &gt; 2, &amp;lt;", "1 < 2 && 3 > 2, &lt;"],
  ])("%s", (text, plain) => {
    expect(plainText(text, names)).toBe(plain)
  })
})
