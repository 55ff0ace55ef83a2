import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf } from "../given-source.ts"
import { zulip } from "./zulip.ts"

const REALM = {
  zerver_realm: [{ id: 2, name: "Example" }],
  zerver_userprofile: [
    { id: 11, full_name: "Ann", email: "ann@example.com" },
    { id: 12, full_name: "Bob" },
    { id: 13, full_name: "Zoe" },
  ],
  zerver_userprofile_crossrealm: [{ id: 5, email: "notification-bot@zulip.com" }],
  zerver_stream: [
    { id: 21, name: "general", description: "All", invite_only: false },
    { id: 22, name: "core", description: "", invite_only: true },
  ],
  zerver_recipient: [
    { id: 31, type: 2, type_id: 21 },
    { id: 33, type: 1, type_id: 11 },
    { id: 35, type: 3, type_id: 41 },
  ],
  zerver_subscription: [
    { id: 1, user_profile: 13, recipient: 35 },
    { id: 2, user_profile: 11, recipient: 35 },
    { id: 3, user_profile: 12, recipient: 35 },
  ],
}
const message = (members: object = {}) => ({
  id: 101,
  sender: 11,
  recipient: 31,
  subject: "launch",
  content: "**Hello**",
  date_sent: 1769850000.123,
  ...members,
})
const filesOf = (messages: object[], reactions: object[] = []) => ({
  "realm.json": JSON.stringify(REALM),
  "messages-000001.json": JSON.stringify({
    zerver_message: messages,
    zerver_reaction: reactions,
    zerver_usermessage: [],
  }),
  "avatars/records.json": "[]",
})

describe("an export of Zulip", () => {
  test("is known by its files", async () => {
    expect(await zulip.detects(sourceOf(filesOf([])))).toBe(true)
    expect(await zulip.detects(sourceOf({ "realm.json": "{}" }))).toBe(false)
  })

  test("has channels, and messages with what belongs to them", async () => {
    const reactions = [
      { message: 101, emoji_name: "tada", user_profile: 12 },
      { message: 999, emoji_name: "eyes", user_profile: 12 },
    ]
    const items = await itemsOf(zulip, filesOf([message({ last_edit_time: 1769850001 })], reactions))
    expect(items).toEqual([
      {
        kind: "chat",
        chat: "21",
        name: "general",
        metadata: { source: "zulip", source_id: "21", kind: "public channel", purpose: "All" },
      },
      {
        kind: "chat",
        chat: "22",
        name: "core",
        metadata: { source: "zulip", source_id: "22", kind: "private channel" },
      },
      {
        kind: "message",
        chat: "21",
        id: "101",
        body: "**Hello**",
        sender: "11",
        sentAt: "2026-01-31T09:00:00.123Z",
        metadata: {
          source_id: "101",
          sender_name: "Ann",
          topic: "launch",
          edited_at: "2026-01-31T09:00:01.000Z",
          reactions: [{ name: "tada", users: ["Bob"], count: 1 }],
        },
        at: { file: "messages-000001.json", path: "zerver_message[0]" },
      },
    ])
  })

  test("has both directions of a conversation in one chat", async () => {
    const recipients = { ...REALM, zerver_recipient: [...REALM.zerver_recipient, { id: 34, type: 1, type_id: 12 }] }
    const files = {
      ...filesOf([
        message({ recipient: 33, sender: 12, subject: "" }),
        message({ id: 102, recipient: 34, sender: 11, subject: "" }),
      ]),
      "realm.json": JSON.stringify(recipients),
    }
    const items = await itemsOf(zulip, files)
    expect(items.filter(({ kind }) => kind === "chat")).toHaveLength(3)
    expect(items[2]).toMatchObject({ chat: "@11,12", name: "Ann, Bob", metadata: { kind: "direct message" } })
    expect(messagesOf(items).map(({ chat }) => chat)).toEqual(["@11,12", "@11,12"])
  })

  test("has a group by its members", async () => {
    const items = await itemsOf(zulip, filesOf([message({ recipient: 35 })]))
    expect(items[2]).toMatchObject({
      chat: "@11,12,13",
      name: "Ann, Bob, Zoe",
      metadata: { kind: "group direct message" },
    })
  })

  test("with damage is a problem with its place", async () => {
    const items = await itemsOf(zulip, filesOf([message({ recipient: 99 }), message({ date_sent: null }), message()]))
    expect(items.slice(2).map(({ kind }) => kind)).toEqual(["problem", "problem", "message"])
    expect(items[2]).toMatchObject({ why: expect.stringContaining("recipient"), at: { path: "zerver_message[0]" } })
  })
})
