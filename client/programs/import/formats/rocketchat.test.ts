import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf } from "../given-source.ts"
import { rocketchat } from "./rocketchat.ts"

const ROOM = { _id: "R1", t: "c", name: "general", topic: "News", usersCount: 2 }
const message = (members: object = {}) => ({
  _id: "M1",
  rid: "R1",
  msg: "Hello",
  ts: { $date: "2026-01-31T09:00:00.123Z" },
  u: { _id: "U1", username: "ann", name: "Ann Example" },
  ...members,
})
const linesOf = (...values: object[]) => values.map((value) => JSON.stringify(value)).join("\n")
const filesOf = (...messages: object[]) => ({
  "rocketchat_message.json": linesOf(...messages),
  "rocketchat_room.json": linesOf(ROOM),
})

describe("collections of Rocket.Chat", () => {
  test("are known by their members", async () => {
    expect(await rocketchat.detects(sourceOf(filesOf(message())))).toBe(true)
    expect(await rocketchat.detects(sourceOf({ "a.json": linesOf({ chat: "general", body: "Hello" }) }))).toBe(false)
  })

  test("have rooms and messages, with what belongs to them", async () => {
    const items = await itemsOf(
      rocketchat,
      filesOf(
        message({
          tmid: "M0",
          editedAt: { $date: { $numberLong: "1769850001000" } },
          reactions: { ":+1:": { usernames: ["bob"] } },
          attachments: [{ title: "a.png", title_link: "/file-upload/F1/a.png", image_type: "image/png" }],
        }),
      ),
    )
    expect(items).toEqual([
      {
        kind: "message",
        chat: "R1",
        id: "M1",
        body: "Hello",
        sender: "U1",
        sentAt: "2026-01-31T09:00:00.123Z",
        metadata: {
          source_id: "M1",
          sender_name: "Ann Example",
          username: "ann",
          thread_id: "M0",
          edited_at: "2026-01-31T09:00:01.000Z",
          files: [{ name: "a.png", url: "/file-upload/F1/a.png", type: "image/png" }],
          reactions: [{ name: "+1", users: ["bob"], count: 1 }],
        },
        at: { file: "rocketchat_message.json", line: 1 },
      },
      {
        kind: "chat",
        chat: "R1",
        name: "general",
        metadata: { source: "rocketchat", source_id: "R1", kind: "public channel", topic: "News" },
      },
    ])
  })

  test("may be JSON arrays", async () => {
    const files = { "rocketchat_message.json": JSON.stringify([message(), message({ _id: "M2" })]) }
    expect(await rocketchat.detects(sourceOf(files))).toBe(true)
    expect(messagesOf(await itemsOf(rocketchat, files)).map(({ id, at }) => [id, at.path])).toEqual([
      ["M1", "[0]"],
      ["M2", "[1]"],
    ])
  })

  test.each([
    [{ t: "uj" }, "notice"],
    [{ t: "rm", msg: "" }, "deleted message"],
    [{ t: "e2e", msg: "eJx…" }, "encrypted message"],
    [{ _hidden: true }, "former version"],
  ])("leave %j out, and say so", async (members, what) => {
    const items = await itemsOf(rocketchat, filesOf(message(members)))
    expect(items[0]).toMatchObject({ kind: "left-out", what })
  })

  test("with damage are problems with their lines", async () => {
    const items = await itemsOf(rocketchat, filesOf(message({ ts: "soon" }), { hello: 1 }, message()))
    expect(items.map(({ kind }) => kind)).toEqual(["problem", "problem", "message", "chat"])
  })
})

describe("the export of a room of Rocket.Chat", () => {
  const line = (members: object = {}) => ({ msg: "Hello", username: "ann", ts: "2026-01-31T09:00:00.123Z", ...members })
  const files = {
    "general.json": linesOf(
      line(),
      line({ type: "uj" }),
      line({ msg: "", attachments: [{ title: "a.png", title_link: "/file-upload/F1/a.png" }] }),
    ),
    "assets/F1-a.png": "",
  }

  test("is a chat of the file's name", async () => {
    expect(await rocketchat.detects(sourceOf(files))).toBe(true)
    const items = await itemsOf(rocketchat, files)
    expect(items.map(({ kind }) => kind)).toEqual(["left-out", "chat", "message", "left-out", "message"])
    expect(items[1]).toMatchObject({ chat: "general", name: "general" })
    expect(items[2]).toMatchObject({
      chat: "general",
      body: "Hello",
      sender: "ann",
      sentAt: "2026-01-31T09:00:00.123Z",
    })
    expect(items[4]).toMatchObject({ metadata: { files: [{ name: "a.png", url: "/file-upload/F1/a.png" }] } })
  })
})
