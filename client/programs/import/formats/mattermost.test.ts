import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf } from "../given-source.ts"
import { mattermost } from "./mattermost.ts"

const VERSION = { type: "version", version: 1 }
const USER = {
  type: "user",
  user: { username: "ann", email: "ann@example.com", nickname: "", first_name: "Ann", last_name: "Example" },
}
const CHANNEL = {
  type: "channel",
  channel: { team: "t", name: "town", display_name: "Town Square", type: "O", header: "News", purpose: "" },
}
const fileOf = (...lines: object[]) => ({ "import.jsonl": lines.map((line) => JSON.stringify(line)).join("\n") })
const post = (members: object) => ({
  type: "post",
  post: { team: "t", channel: "town", user: "ann", message: "Hello", create_at: 1769850000123, ...members },
})

describe("an export of Mattermost", () => {
  test("is known by its first line", async () => {
    expect(await mattermost.detects(sourceOf(fileOf(VERSION)))).toBe(true)
    expect(await mattermost.detects(sourceOf(fileOf(USER)))).toBe(false)
  })

  test("has channels and posts, with what belongs to them", async () => {
    const reactions = [
      { user: "ann", create_at: 1, emoji_name: "+1" },
      { user: "bob", create_at: 2, emoji_name: "+1" },
    ]
    const items = await itemsOf(
      mattermost,
      fileOf(
        VERSION,
        CHANNEL,
        USER,
        post({ edit_at: 1769850001000, is_pinned: true, reactions, attachments: [{ path: "data/2026/a.txt" }] }),
      ),
    )
    expect(items).toEqual([
      {
        kind: "chat",
        chat: "t/town",
        name: "Town Square",
        metadata: { source: "mattermost", source_id: "t/town", kind: "public channel", topic: "News" },
      },
      {
        kind: "message",
        chat: "t/town",
        id: "ann@1769850000123",
        body: "Hello",
        sender: "ann",
        sentAt: "2026-01-31T09:00:00.123Z",
        metadata: {
          source_id: "ann@1769850000123",
          sender_name: "Ann Example",
          edited_at: "2026-01-31T09:00:01.000Z",
          pinned: true,
          files: [{ name: "a.txt", path: "data/2026/a.txt" }],
          reactions: [{ name: "+1", users: ["ann", "bob"], count: 2 }],
        },
        at: { file: "import.jsonl", line: 4 },
      },
    ])
  })

  test("has replies behind their post, in its thread", async () => {
    const replies = [{ user: "bob", message: "Re", create_at: 1769850009000 }]
    const found = messagesOf(await itemsOf(mattermost, fileOf(VERSION, post({ replies }))))
    expect(found.map(({ body, metadata }) => [body, metadata.thread_id])).toEqual([
      ["Hello", undefined],
      ["Re", "ann@1769850000123"],
    ])
  })

  test.each([
    ["members", { members: ["bob", "ann"] }],
    ["participants", { participants: [{ username: "bob" }, { username: "ann" }] }],
  ])("has a direct channel once, however its %s are written", async (_, members) => {
    const direct = {
      type: "direct_post",
      direct_post: { channel_members: ["ann", "bob"], user: "bob", message: "Psst", create_at: 1769850000000 },
    }
    const items = await itemsOf(
      mattermost,
      fileOf(VERSION, USER, { type: "direct_channel", direct_channel: members }, direct),
    )
    expect(items.map(({ kind }) => kind)).toEqual(["chat", "message"])
    expect(items[0]).toMatchObject({ chat: "@ann,bob", name: "Ann Example, bob" })
    expect(items[1]).toMatchObject({ chat: "@ann,bob", body: "Psst", sender: "bob" })
  })

  test("leaves Mattermost's notices out, and says so", async () => {
    const items = await itemsOf(mattermost, fileOf(VERSION, post({ type: "system_join_channel" })))
    expect(items).toEqual([
      {
        kind: "left-out",
        what: "notice",
        why: expect.stringContaining("system_join_channel"),
        at: { file: "import.jsonl", line: 2 },
      },
    ])
  })

  test("with damage is a problem with its line, and the rest is read", async () => {
    const files = {
      "import.jsonl": `${JSON.stringify(VERSION)}\n{"type":"post",\n${JSON.stringify(post({ create_at: "soon" }))}\n${JSON.stringify(post({}))}`,
    }
    const items = await itemsOf(mattermost, files)
    expect(items.map(({ kind }) => kind)).toEqual(["problem", "problem", "message"])
    expect(items.slice(0, 2)).toMatchObject([{ at: { line: 2 } }, { why: "create_at: is not a time", at: { line: 3 } }])
  })
})
