import { describe, expect, test } from "@jest/globals"
import { itemsOf, messagesOf, sourceOf, toldOf } from "../given-source.ts"
import { matrix } from "./matrix.ts"

const ROOM = "!room:example.org"
const ANN = "@ann:example.org"
const BEN = "@ben:example.org"
const START_MS = Date.UTC(2024, 2, 10, 15, 15)

const event = (id: string, content: object, more: object = {}) => ({
  type: "m.room.message",
  event_id: `$${id}`,
  room_id: ROOM,
  sender: ANN,
  origin_server_ts: START_MS,
  content,
  unsigned: {},
  ...more,
})
const text = (id: string, body: string, more: object = {}) => event(id, { msgtype: "m.text", body }, more)
const edit = (id: string, of: string, body: string, more: object = {}) =>
  event(
    id,
    {
      msgtype: "m.text",
      body: `* ${body}`,
      "m.new_content": { msgtype: "m.text", body },
      "m.relates_to": { rel_type: "m.replace", event_id: `$${of}` },
    },
    more,
  )
const later = (seconds: number) => ({ origin_server_ts: START_MS + seconds * 1_000 })
const element = (messages: object[]) => ({
  "export.json": {
    room_name: "Books",
    room_creator: "Ann",
    topic: "On books",
    export_date: "",
    exported_by: "Ann",
    messages,
  },
})
const readOne = async (...messages: object[]) => messagesOf(await itemsOf(matrix, element(messages)))[0]

describe("the reader of Element's export", () => {
  test("it is detected, another JSON file is not", async () => {
    expect(await matrix.detects(sourceOf(element([])))).toBe(true)
    expect(await matrix.detects(sourceOf({ "a.json": { name: "Books", messages: [] } }))).toBe(false)
  })

  test("a room and its messages come with their ids, names and times", async () => {
    const join = event("1", { membership: "join", displayname: "Ann" }, { type: "m.room.member", state_key: ANN })
    expect(await itemsOf(matrix, element([join, text("2", "Hello")]))).toEqual([
      {
        kind: "left-out",
        what: "system event (m.room.member)",
        why: "it is not a message",
        at: { file: "export.json", path: "messages[0]" },
      },
      {
        kind: "message",
        chat: ROOM,
        id: "$2",
        body: "Hello",
        sender: ANN,
        sentAt: "2024-03-10T15:15:00.000Z",
        metadata: { source_id: "$2", sender_name: "Ann" },
        at: { file: "export.json", path: "messages[1]" },
      },
      { kind: "chat", chat: ROOM, name: "Books", metadata: { source: "matrix", source_id: ROOM, topic: "On books" } },
    ])
  })

  test("of several edits by the author the latest holds, wherever it stands; one by another does not", async () => {
    const items = await itemsOf(
      matrix,
      element([
        edit("3", "1", "latest", later(30)),
        text("1", "first"),
        edit("2", "1", "earlier", later(20)),
        edit("4", "1", "not mine", { ...later(40), sender: BEN }),
      ]),
    )
    expect(messagesOf(items)).toMatchObject([
      {
        id: "$1",
        body: "latest",
        metadata: { edited_at: "2024-03-10T15:15:30.000Z" },
        sentAt: "2024-03-10T15:15:00.000Z",
      },
    ])
    expect(toldOf(items)).toEqual(["left out: edit", "left out: edit"])
  })

  test("of two edits of one time that with the greater id holds", async () => {
    expect(await readOne(text("1", "first"), edit("b", "1", "b"), edit("a", "1", "a"))).toMatchObject({ body: "b" })
  })

  test("an edit that the server put into its event is applied", async () => {
    const bundled = { unsigned: { "m.relations": { "m.replace": edit("2", "1", "new", later(9)) } } }
    expect(await readOne(text("1", "old", bundled))).toMatchObject({ body: "new" })
  })

  test("a thread, a reply and reactions are in the metadata, without the quotation of old clients", async () => {
    const reply = { "m.in_reply_to": { event_id: "$1" } }
    const react = (id: string, key: string, sender: string) =>
      event(id, { "m.relates_to": { rel_type: "m.annotation", event_id: "$2", key } }, { type: "m.reaction", sender })
    const answer = event("2", {
      msgtype: "m.text",
      body: `> <${BEN}> first\n> second\n\n> mine`,
      "m.relates_to": { rel_type: "m.thread", event_id: "$0", is_falling_back: false, ...reply },
    })
    expect(await readOne(answer, react("3", "👍", ANN), react("4", "👍", BEN), react("5", "👍", BEN))).toMatchObject({
      body: "> mine",
      metadata: { thread_id: "$0", reply_to: "$1", reactions: [{ name: "👍", count: 2, users: [ANN, BEN] }] },
    })
    const fallback = { rel_type: "m.thread", event_id: "$0", is_falling_back: true, ...reply }
    const inThread = await readOne(event("6", { msgtype: "m.text", body: "> kept", "m.relates_to": { ...fallback } }))
    expect(inThread?.metadata).toEqual({ source_id: "$6", thread_id: "$0" })
    expect(inThread?.body).toBe("> kept")
  })

  test("a file is a link, its body is its caption; one of an encrypted room as well", async () => {
    const info = { mimetype: "image/png", size: 7 }
    const image = { msgtype: "m.image", body: "a.png", url: "mxc://example.org/a", info }
    expect(await readOne(event("1", image))).toMatchObject({
      body: "",
      metadata: { files: [{ name: "a.png", url: "mxc://example.org/a", type: "image/png", bytes: 7 }] },
    })
    const encrypted = {
      msgtype: "m.image",
      body: "Look!",
      filename: "b.png",
      file: { url: "mxc://example.org/b" },
      info,
    }
    expect(await readOne(event("1", encrypted))).toMatchObject({
      body: "Look!",
      metadata: { files: [{ name: "b.png", url: "mxc://example.org/b" }] },
    })
    const sticker = { body: "A cat", url: "mxc://example.org/c", info: {} }
    expect(await readOne(event("1", sticker, { type: "m.sticker" }))).toMatchObject({
      metadata: { files: [{ name: "A cat", url: "mxc://example.org/c", type: "sticker" }] },
    })
  })

  test("emotes, notices, places and polls are told apart", async () => {
    expect((await readOne(event("1", { msgtype: "m.emote", body: "waves" })))?.metadata).toMatchObject({
      kind: "emote",
    })
    expect((await readOne(event("1", { msgtype: "m.notice", body: "up" })))?.metadata).toMatchObject({ kind: "notice" })
    const place = { msgtype: "m.location", body: "Here", geo_uri: "geo:1,2" }
    expect((await readOne(event("1", place)))?.metadata).toMatchObject({ location: "geo:1,2" })
    const answers = [{ id: "a", "org.matrix.msc1767.text": "Now" }]
    const poll = { "org.matrix.msc3381.poll.start": { question: { "org.matrix.msc1767.text": "When?" }, answers } }
    expect((await readOne(event("1", poll, { type: "org.matrix.msc3381.poll.start" })))?.body).toBe("When?\n- Now")
  })

  test("redacted and encrypted messages are left out, as is a reaction to nothing here", async () => {
    const items = await itemsOf(
      matrix,
      element([
        event("1", {}),
        event("2", { algorithm: "m.megolm.v1.aes-sha2" }, { type: "m.room.encrypted" }),
        event("3", { msgtype: "m.bad.encrypted", body: "Unable to decrypt" }),
        event("4", {}, { type: "m.reaction" }),
        event("5", { "m.relates_to": { rel_type: "m.annotation", event_id: "$9", key: "👍" } }, { type: "m.reaction" }),
      ]),
    )
    expect(messagesOf(items)).toEqual([])
    expect(toldOf(items)).toEqual([
      "left out: redacted message",
      "left out: encrypted message",
      "left out: encrypted message",
      "left out: system event (m.reaction)",
      "left out: reaction",
    ])
  })

  test("a message without an id is a problem at its place", async () => {
    const items = await itemsOf(matrix, element([text("1", "a", { event_id: 1.5, origin_server_ts: "x" })]))
    expect(items[0]).toEqual({
      kind: "problem",
      why: "a message without an id or a time",
      at: { file: "export.json", path: "messages[0]" },
    })
  })
})

// Made by Synapse 1.163.2 (make_event_from_dict of the same event in each version), with the id that it gave.
const PDU = {
  room_id: ROOM,
  auth_events: ["$c"],
  prev_events: ["$a", "$b"],
  content: { body: "wörld 😀 \u2028", msgtype: "m.text" },
  depth: 7,
  hashes: { sha256: "dDlKNW4qT/vUHzn84F2r70+cLpSur21HHN7qKd0lm0U" },
  origin_server_ts: 1700000000123,
  sender: ANN,
  type: "m.room.message",
  origin: "example.org",
  signatures: { "example.org": { "ed25519:a": "" } },
  unsigned: { age_ts: 5 },
}
const BEFORE_11 = "$FsliDTo5RNf-3hs0hjERIY8ijSaq9OgOgmXkeHZXxOI"
const FROM_11 = "$lEXJs9i2yWjs0JQmnXVCpd4IWWKc4lvWYqsJyaiympE"

describe("the reader of Synapse's export-data", () => {
  const create = (room_version: string | undefined) => ({
    type: "m.room.create",
    state_key: "",
    sender: ANN,
    content: { room_version },
    origin_server_ts: 1700000000000,
  })
  const events = (...all: object[]) => ({ [`rooms/${ROOM}/events`]: all.map((one) => JSON.stringify(one)).join("") })

  test.each([
    ["3", BEFORE_11.replaceAll("-", "+")],
    ["4", BEFORE_11],
    ["10", BEFORE_11],
    ["11", FROM_11],
    ["12", FROM_11],
  ])(
    "in a room of version %s an event gets the id that Synapse has for it, which the export lacks",
    async (version, id) => {
      const [read] = messagesOf(await itemsOf(matrix, events(create(version), PDU)))
      expect(read).toMatchObject({ id, body: PDU.content.body, chat: ROOM })
      expect(read?.at).toEqual({ file: `rooms/${ROOM}/events`, path: "[1]" })
    },
  )

  test("so edits and replies find their message", async () => {
    const relates = {
      "m.new_content": { body: "edited" },
      "m.relates_to": { rel_type: "m.replace", event_id: FROM_11 },
    }
    const edited = { ...PDU, content: { ...PDU.content, ...relates }, depth: 8, origin_server_ts: 1700000001000 }
    const [read] = messagesOf(await itemsOf(matrix, events(create("12"), PDU, edited)))
    expect(read).toMatchObject({ id: FROM_11, body: "edited" })
  })

  test("an event of an old room has its own id; the name of the room is in its state", async () => {
    const name = { ...create(undefined), type: "m.room.name", content: { name: "Books" } }
    const items = await itemsOf(matrix, events(create(undefined), name, { ...PDU, event_id: "$x:example.org" }))
    expect(messagesOf(items)[0]?.id).toBe("$x:example.org")
    expect(items.at(-1)).toMatchObject({ kind: "chat", chat: ROOM, name: "Books" })
  })

  test("what else the export has is left out; a file that ends too early is no export", async () => {
    const more = { ...events(create("12"), PDU), "user_data/profile": "{}", [`rooms/${ROOM}/state/$a`]: "{}{}" }
    expect(toldOf(await itemsOf(matrix, more)).filter((what) => what === "left out: file")).toHaveLength(2)
    const cut = JSON.stringify(PDU).slice(0, -5)
    const told = toldOf(await itemsOf(matrix, { [`rooms/${ROOM}/events`]: cut }))
    expect(told).toEqual([expect.stringContaining("problem: is not JSON")])
  })
})
