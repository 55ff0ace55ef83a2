import { describe, expect, test } from "@jest/globals"
import type { FormatOptions } from "../format.ts"
import { itemsOf, messagesOf, sourceOf, toldOf } from "../given-source.ts"
import { whatsapp } from "./whatsapp.ts"

const ANDROID = "WhatsApp Chat with Book Club.txt"
const IOS = "_chat.txt"
const read = async (text: string, options: Partial<FormatOptions> = {}, file = ANDROID) =>
  await itemsOf(whatsapp, { [file]: text }, { timezone: "UTC", ...options })

describe("a chat as WhatsApp exports it", () => {
  test("a message has its id in the metadata as well", async () => {
    const [first] = messagesOf(await read("25/03/2024, 15:15 - Ann: Hello"))
    expect(first?.metadata.source_id).toBe(first?.id)
  })

  test("on Android, each message has an author, the name of the file is that of the chat", async () => {
    expect(await read("25/03/2024, 15:15 - Ann: Hello\n25/03/2024, 15:16 - ‪+1 555 0100‬: Hi")).toEqual([
      { kind: "chat", chat: ANDROID, name: "Book Club", metadata: { source: "whatsapp" } },
      {
        kind: "message",
        chat: ANDROID,
        id: expect.stringMatching(/^[\w-]{22}$/),
        body: "Hello",
        sender: "Ann",
        sentAt: "2024-03-25T15:15:00.000Z",
        metadata: { source_id: expect.any(String), sender_name: "Ann" },
        at: { file: ANDROID, line: 1 },
      },
      expect.objectContaining({ sender: "+1 555 0100", body: "Hi", at: { file: ANDROID, line: 2 } }),
    ])
  })

  test("on iOS, lines end with CR and LF, and the folder has the name", async () => {
    const text = "[25.03.24, 15:15:01] Ann: one\r\n\r\ntwo: three\r\n\u200e[25.03.24, 15:15:02] Ben: four\r\n"
    const items = await read(text, {}, "WhatsApp Chat - Book Club/_chat.txt")
    expect(items[0]).toMatchObject({ kind: "chat", name: "Book Club" })
    expect(messagesOf(items).map(({ sender, body }) => [sender, body])).toEqual([
      ["Ann", "one\n\ntwo: three"],
      ["Ben", "four"],
    ])
  })

  test("it is known by its first line, whatever the name of the file", async () => {
    expect(await whatsapp.detects(sourceOf({ "a.txt": "\ufeff25/03/2024, 15:15 - Ann: Hello" }))).toBe(true)
    expect(await whatsapp.detects(sourceOf({ "a.txt": "On 25/03/2024, 15:15 - Ann: Hello", "b.md": "" }))).toBe(false)
    expect(toldOf(await itemsOf(whatsapp, { "a.jpg": "…", "b.txt": "Dear all" }, {}))).toEqual([
      "left out: file",
      "left out: file",
    ])
  })

  test("a line that looks like a beginning in another form belongs to the message before it", async () => {
    const text = "25/03/2024, 15:15 - Ann: they wrote\n[25/03/2024, 15:14:00] Ben: no\n3/25/24, 3:15 PM - Cy: yes"
    expect(messagesOf(await read(text)).map(({ body }) => body)).toEqual([
      "they wrote\n[25/03/2024, 15:14:00] Ben: no\n3/25/24, 3:15 PM - Cy: yes",
    ])
  })

  test("messages alike have different ids, and a later export gives them the same ones", async () => {
    const lines = ["24/03/2024, 15:15 - Ann: old", ...Array(3).fill("25/03/2024, 15:15 - Ann: ok")]
    const ids = async (from: number) => messagesOf(await read(lines.slice(from).join("\n"))).map(({ id }) => id)
    const all = await ids(0)
    expect(new Set(all).size).toBe(4)
    expect(await ids(1)).toEqual(all.slice(1))
  })

  test("a message without end is no message", async () => {
    const text = `25/03/2024, 15:15 - Ann: Hello\n${"more\n".repeat(30)}`
    expect(toldOf(await read(text, { maxBytes: 100 }))).toEqual(["problem: a message has over 100 characters"])
  })
})

describe("what is no text of a person", () => {
  const android = async (text: string) => await read(`25/03/2024, 15:15 - ${text}`)
  const ios = async (text: string) => await read(`[25/03/2024, 15:15:00] ${text}`, {}, IOS)

  test.each([
    "Messages and calls are end-to-end encrypted.",
    "Ann added Ben",
    'Ann changed the subject to "Books: a club"',
    "Ann änderte den Betreff zu „Bücher: ein Club“",
  ])("a line without an author is left out: %s", async (text) => {
    expect(toldOf(await android(text))).toEqual(["left out: system message"])
  })

  test("an author may have quotation marks, if there is more than one line of them", async () => {
    const line = '25/03/2024, 15:15 - Ben "Bookworm" Example: Hello'
    expect(messagesOf(await read(`${line}\n${line}`)).map(({ sender }) => sender)).toEqual(
      Array(2).fill('Ben "Bookworm" Example'),
    )
  })

  test.each([
    "Ann: \u200eMessages and calls are end-to-end encrypted.",
    "Books: \u200eAnn created this group",
    "\u200eYour security code with Ann changed.",
  ])("on iOS, a line of WhatsApp's own has a mark: %s", async (text) => {
    expect(toldOf(await ios(text))).toEqual(["left out: system message"])
  })

  test.each(["This message was deleted", "Se eliminó este mensaje.", "Du hast diese Nachricht gelöscht."])(
    "a deleted message is left out: %s",
    async (text) => {
      expect(toldOf(await android(`Ann: ${text}`))).toEqual(["left out: deleted message"])
    },
  )

  test("a message without a text is left out", async () => {
    expect(toldOf(await android("Ann:"))).toEqual(["left out: message without text"])
  })

  test.each([
    [android, "Ann: <Media omitted>", "<Media omitted>"],
    [android, "Ann: \u200e<Multimedia omitido>", "<Multimedia omitido>"],
    [android, "Ann: <Medien ausgeschlossen>\nMein Plan", "Mein Plan"],
    [ios, "Ann: \u200eimage omitted", "image omitted"],
    [ios, "Ann: Look! \u200eBild weggelassen", "Look!"],
    [ios, "Ann: \u200ea.pdf • 3 pages \u200edocument omitted", "a.pdf • 3 pages"],
  ])("a file that was not exported is told, and its message stays", async (from, text, body) => {
    const items = await from(text)
    expect(messagesOf(items)).toMatchObject([{ body, metadata: { files: [{ missing: true }] } }])
    expect(toldOf(items)).toEqual(["left out: file of a message"])
  })

  test.each([
    [android, "Ann: \u200eIMG-20240325-WA0001.jpg (file attached)", "IMG-20240325-WA0001.jpg", ""],
    [android, "Ann: IMG-20240325-WA0001.jpg (Datei angehängt)\nMein Plan", "IMG-20240325-WA0001.jpg", "Mein Plan"],
    [
      ios,
      "Ann: \u200e<attached: 00000002-PHOTO-2024-03-25-15-15-00.jpg>",
      "00000002-PHOTO-2024-03-25-15-15-00.jpg",
      "",
    ],
    [ios, "Ann: Look! \u200e<adjunto: 00000003-a.pdf>", "00000003-a.pdf", "Look!"],
  ])("a file that was exported is named, with its caption", async (from, text, name, body) => {
    expect(messagesOf(await from(text))).toMatchObject([{ body, metadata: { files: [{ name }] } }])
  })

  test.each([
    [android, "Ann: Hello <This message was edited>"],
    [android, "Ann: Hello <Se editó este mensaje.>"],
    [ios, "Ann: Hello \u200e<This message was edited>"],
  ])("the mark of an edited message is taken off", async (from, text) => {
    expect(messagesOf(await from(text))).toMatchObject([{ body: "Hello", metadata: { edited: true } }])
  })

  test.each(["<3", "a.jpg (a file)", "<attached: nothing>", "12: 30", "- x", "This message was deleted by me"])(
    "a text that only looks like one of these stays: %s",
    async (text) => {
      expect(messagesOf(await android(`Ann: ${text}`)).map(({ body }) => body)).toEqual([text])
    },
  )
})
