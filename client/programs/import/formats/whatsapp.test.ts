import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import type { FormatOptions } from "../format.ts"
import { itemsOf, messagesOf, sourceOf, toldOf } from "../given-source.ts"
import { whatsapp } from "./whatsapp.ts"

const ANDROID = "WhatsApp Chat with Book Club.txt"
const IOS = "_chat.txt"
const read = async (text: string, options: Partial<FormatOptions> = {}, file = ANDROID) =>
  await itemsOf(whatsapp, { [file]: text }, { timezone: "UTC", ...options })
const timesIn = async (text: string, options: Partial<FormatOptions> = {}) =>
  messagesOf(await read(text, options)).map(({ sentAt }) => sentAt?.replace(".000Z", ""))
/** Lines whose dates are decided by one with a day beyond 12. */
const decided = (...stamps: string[]) => stamps.map((stamp) => `${stamp}Ann: Hello`).join("\n")

describe("a chat as WhatsApp exports it", () => {
  test("on Android, each message has an author, the name of the file is that of the chat", async () => {
    expect(await read("25/03/2024, 15:15 - Ann: Hello\n25/03/2024, 15:16 - ‪+1 555 0100‬: Hi")).toEqual([
      { kind: "chat", chat: ANDROID, name: "Book Club", metadata: {} },
      {
        kind: "message",
        chat: ANDROID,
        id: expect.stringMatching(/^[\w-]{22}$/),
        body: "Hello",
        sender: "Ann",
        sentAt: "2024-03-25T15:15:00.000Z",
        metadata: { sender_name: "Ann" },
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
})

describe("dates and times of phones", () => {
  test.each([
    ["English (US)", "3/25/24, 3:15\u202fPM - ", "2024-03-25T15:15:00"],
    ["English (UK)", "25/03/2024, 15:15 - ", "2024-03-25T15:15:00"],
    ["German", "25.03.24, 15:15 - ", "2024-03-25T15:15:00"],
    ["German with AM and PM", "25.03.24, 3:15 nachm. - ", "2024-03-25T15:15:00"],
    ["Spanish", "25/3/2024, 3:15\u202fp.\u00a0m. - ", "2024-03-25T15:15:00"],
    ["French", "25/03/2024 à 15:15 - ", "2024-03-25T15:15:00"],
    ["French (Canada)", "2024-03-25 15 h 15 - ", "2024-03-25T15:15:00"],
    ["Greek", "25/3/2024, 3:15 μ.μ. - ", "2024-03-25T15:15:00"],
    ["Turkish", "25.03.2024 ÖS 3:15 - ", "2024-03-25T15:15:00"],
    ["Finnish", "25.3.2024 klo 15.15 - ", "2024-03-25T15:15:00"],
    ["Bulgarian", "25.03.24 г., 15:15 ч. - ", "2024-03-25T15:15:00"],
    ["Hungarian", "2024. 03. 25. 15:15 - ", "2024-03-25T15:15:00"],
    ["Vietnamese", "15:15 25/3/2024 - ", "2024-03-25T15:15:00"],
    ["Arabic", "٢٥\u200f/٣\u200f/٢٠٢٤، ٣:١٥ م - ", "2024-03-25T15:15:00"],
    ["Arabic, morning", "٢٥\u200f/٣\u200f/٢٠٢٤، ٣:١٥ ص - ", "2024-03-25T03:15:00"],
    ["Hindi", "२५/३/२०२४, ३:१५ अपराह्न - ", "2024-03-25T15:15:00"],
    ["Chinese", "2024/3/10 下午3:15 - ", "2024-03-10T15:15:00"],
    ["Chinese, morning", "2024/3/10 上午12:15 - ", "2024-03-10T00:15:00"],
    ["Chinese (Taiwan)", "2024/3/10 晚上9:15 - ", "2024-03-10T21:15:00"],
    ["Chinese (Taiwan), at noon", "2024/3/10 中午12:15 - ", "2024-03-10T12:15:00"],
    ["Korean", "2024. 3. 10. 오후 3:15 - ", "2024-03-10T15:15:00"],
    ["Korean in words", "2024년 3월 10일 오전 12:15 - ", "2024-03-10T00:15:00"],
    ["Japanese, hours from 0", "2024/03/10 午後0:15 - ", "2024-03-10T12:15:00"],
    ["Thai, of the Buddhist era", "25/3/2567 15:15 - ", "2024-03-25T15:15:00"],
    ["Thai, of the Buddhist era in two digits", "25/3/67 15:15 - ", "2024-03-25T15:15:00"],
    ["iOS in Chinese", "[2024/3/10 下午3:15:07] ", "2024-03-10T15:15:07"],
    ["iOS in Norwegian", "[25.03.2024, 15.15.07] ", "2024-03-25T15:15:07"],
  ])("%s: %s", async (_, stamp, time) => {
    expect(await timesIn(decided(stamp))).toEqual([time])
  })

  test("a day beyond 12 decides the order of the whole file", async () => {
    expect(await timesIn(decided("3/4/2024, 15:15 - ", "3/13/2024, 15:15 - "))).toEqual([
      "2024-03-04T15:15:00",
      "2024-03-13T15:15:00",
    ])
    expect(await timesIn(decided("3/4/2024, 15:15 - ", "13/4/2024, 15:15 - "))).toEqual([
      "2024-04-03T15:15:00",
      "2024-04-13T15:15:00",
    ])
  })

  test("so does an order in which the lines would go back in time", async () => {
    const stamps = ["3/4/24, 15:15 - ", "5/4/24, 15:15 - ", "1/5/24, 15:15 - "]
    expect(await timesIn(decided(...stamps))).toEqual([
      "2024-04-03T15:15:00",
      "2024-04-05T15:15:00",
      "2024-05-01T15:15:00",
    ])
  })

  test("a date that no line decides is a problem that asks for --date-order", async () => {
    const text = decided("3/4/2024, 15:15 - ", "4/4/2024, 15:15 - ")
    expect(await read(text)).toEqual([
      {
        kind: "problem",
        why: '"3/4/2024, 15:15" may be a date in the order dmy or mdy, and no line of the file decides it: give --date-order',
        at: { file: ANDROID, line: 1 },
      },
    ])
    expect(await timesIn(text, { dateOrder: "mdy" })).toEqual(["2024-03-04T15:15:00", "2024-04-04T15:15:00"])
    expect(await timesIn(decided("4/4/2024, 15:15 - "))).toEqual(["2024-04-04T15:15:00"])
  })

  test("a --date-order that does not fit is a problem at the line", async () => {
    expect(await read(decided("3/4/24, 15:15 - ", "3/13/24, 15:15 - "), { dateOrder: "dmy" })).toEqual([
      { kind: "problem", why: '"3/13/24, 15:15" has no date in the order dmy', at: { file: ANDROID, line: 2 } },
    ])
  })

  test.each([
    ["another calendar", decided("۱۴۰۳/۱/۶، ۱۵:۱۵ - "), "No order of day, month and year fits all lines"],
    ["the future", decided("25/03/2120, 15:15 - "), "No order of day, month and year fits all lines"],
    ["lines that contradict each other", decided("13/3/24, 15:15 - ", "3/14/24, 15:15 - "), "No order of day"],
    ["an unknown word beside the time", decided("25/03/2024, 3:15 zzz - "), '"zzz" beside the time is not known'],
    ["an hour that its word does not have", decided("2024/3/10 凌晨9:15 - "), "is not a date and time"],
  ])("%s: a problem", async (_, text, why) => {
    const items = await read(text)
    expect(messagesOf(items)).toEqual([])
    expect(toldOf(items)).toEqual([expect.stringContaining(why)])
  })

  test("an unknown word is none of a 12-hour clock if there is an hour beyond 12", async () => {
    const stamps = ["25/03/2024 zzz 3:15 - ", "25/03/2024 zzz 13:15 - "]
    expect(await timesIn(decided(...stamps))).toEqual(["2024-03-25T03:15:00", "2024-03-25T13:15:00"])
  })
})

describe("times without an offset", () => {
  test("without a time zone, or with one that is none, they are a problem", async () => {
    const text = decided("25/03/2024, 15:15 - ")
    expect(toldOf(await itemsOf(whatsapp, { [ANDROID]: text }))).toEqual([
      "problem: its times have no offset: give --timezone, such as Europe/Berlin",
    ])
    expect(toldOf(await read(text, { timezone: "Mars/Olympus" }))).toEqual([
      'problem: there is no time zone "Mars/Olympus"',
    ])
  })

  test("summer time is that of the date", async () => {
    const options = { timezone: "Europe/Berlin" }
    const stamps = ["25.01.24, 15:15 - ", "25.07.24, 15:15 - "]
    expect(await timesIn(decided(...stamps), options)).toEqual(["2024-01-25T14:15:00", "2024-07-25T13:15:00"])
  })

  test("in the hour that comes twice, a time that would go back is that of the second time", async () => {
    const hours = ["01:50", "02:50", "02:10", "02:15", "03:15"].map((hour) => `27.10.24, ${hour} - `)
    expect(await timesIn(decided(...hours), { timezone: "Europe/Berlin" })).toEqual(
      ["23:50", "00:50", "01:10", "01:15", "02:15"].map((hour, index) => `2024-10-${index === 0 ? 26 : 27}T${hour}:00`),
    )
  })

  test("a time that clocks were put over is as if they had not been yet", async () => {
    expect(await timesIn(decided("31.03.24, 02:30 - "), { timezone: "Europe/Berlin" })).toEqual(["2024-03-31T01:30:00"])
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

describe("files written with the runtime's own dates of all languages", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"]
  const languages = letters.flatMap((a) => letters.map((b) => a + b))
  const regions = ["ar-EG", "en-CA", "en-GB", "en-ZA", "es-MX", "es-PA", "fr-CA", "fr-CH", "pt-PT", "zh-HK", "zh-TW"]
  const others = ["fil", "kok", "yue", "ckb", "mr-u-nu-deva", "ne-u-nu-deva"]
  const LOCALES = Intl.DateTimeFormat.supportedLocalesOf([...languages, ...regions, ...others])
  /** Dates of the Persian calendar (fa, ps), in words (dz, ee), or with " - " in them (wo). */
  const NOT_READ = new Set(["dz", "ee", "fa", "ps", "wo"])
  const DAY_MS = 86_400_000

  type Written = { locale: string; hour12: boolean; seconds: boolean; ios: boolean }
  const write = ({ locale, hour12, seconds, ios }: Written, times: number[], texts: string[]): string => {
    const timeStyle = seconds ? "medium" : "short"
    const format = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle, hour12, timeZone: "Asia/Kolkata" })
    const lines = texts.map((text, index) => {
      const stamp = format.format(times[index])
      return ios ? `[${stamp}] ${text}` : `${stamp} - ${text}`
    })
    return lines.join(ios ? "\r\n" : "\n")
  }

  test.each(LOCALES)("%s: each time comes back, or the file is refused", async (locale) => {
    const start = Date.UTC(2023, 10, 3)
    for (const hour12 of [true, false])
      for (const ios of [true, false]) {
        // Three months, so that there are days beyond 12, and each hour.
        const times = Array.from({ length: 30 }, (_, index) => start + index * 3.21 * DAY_MS).map(
          (time) => Math.floor(time / 60_000) * 60_000,
        )
        const text = write({ locale, hour12, seconds: ios, ios }, times, Array(times.length).fill("Ann: Hello"))
        const items = await read(text, { timezone: "Asia/Kolkata" })
        const back = messagesOf(items).map(({ sentAt }) => Date.parse(sentAt ?? ""))
        if (NOT_READ.has(locale) && back.length === 0) expect(items).not.toEqual([])
        else expect({ back, told: toldOf(items) }).toEqual({ back: times, told: [] })
      }
  })

  test("whatever was said comes back as it was", async () => {
    const locale = fc.constantFrom(...LOCALES.filter((known) => !NOT_READ.has(known)))
    const written = fc.record({ locale, hour12: fc.boolean(), seconds: fc.constant(true), ios: fc.boolean() })
    const name = fc.stringMatching(/^[\p{L}~+][\p{L}\d +-]{0,20}[\p{L}\d]$/u)
    const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((text) => /^\p{L}/u.test(text))
    const body = fc.array(line, { minLength: 1, maxLength: 3 }).map((all) => all.join("\n\n").trimEnd())
    const message = fc.tuple(name, body)
    await fc.assert(
      fc.asyncProperty(written, fc.array(message, { minLength: 30, maxLength: 40 }), async (how, messages) => {
        const times = messages.map((_, index) => Date.UTC(2024, 0, 1 + index * 3, index % 24, 5, 9))
        const text = write(
          how,
          times,
          messages.map(([author, said]) => `${author}: ${said}`),
        )
        const items = await read(text, { timezone: "Asia/Kolkata" })
        expect(
          messagesOf(items).map(({ sender, body: said, sentAt }) => [sender, said, Date.parse(sentAt ?? "")]),
        ).toEqual(messages.map(([author, said], index) => [author.replace(/\s/g, " "), said, times[index]]))
      }),
      { numRuns: 50 },
    )
  })
})
