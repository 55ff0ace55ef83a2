import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import type { FormatOptions } from "../format.ts"
import { itemsOf, messagesOf, toldOf } from "../given-source.ts"
import { whatsapp } from "./whatsapp.ts"

const FILE = "WhatsApp Chat with Book Club.txt"
const read = async (text: string, options: Partial<FormatOptions> = {}) =>
  await itemsOf(whatsapp, { [FILE]: text }, { timezone: "UTC", ...options })
const timesIn = async (text: string, options: Partial<FormatOptions> = {}) =>
  messagesOf(await read(text, options)).map(({ sentAt }) => sentAt?.replace(".000Z", ""))
/** Returns a line for each stamp. */
const written = (...stamps: string[]) => stamps.map((stamp) => `${stamp}Ann: Hello`).join("\n")

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
    expect(await timesIn(written(stamp))).toEqual([time])
  })

  test("a day beyond 12 decides the order of the whole file", async () => {
    expect(await timesIn(written("3/4/2024, 15:15 - ", "3/13/2024, 15:15 - "))).toEqual([
      "2024-03-04T15:15:00",
      "2024-03-13T15:15:00",
    ])
    expect(await timesIn(written("3/4/2024, 15:15 - ", "13/4/2024, 15:15 - "))).toEqual([
      "2024-04-03T15:15:00",
      "2024-04-13T15:15:00",
    ])
  })

  test("so does an order in which the lines would go back in time", async () => {
    const stamps = ["3/4/24, 15:15 - ", "5/4/24, 15:15 - ", "1/5/24, 15:15 - "]
    expect(await timesIn(written(...stamps))).toEqual([
      "2024-04-03T15:15:00",
      "2024-04-05T15:15:00",
      "2024-05-01T15:15:00",
    ])
  })

  test("a date that no line decides is a problem that asks for --date-order", async () => {
    const text = written("3/4/2024, 15:15 - ", "4/4/2024, 15:15 - ")
    expect(await read(text)).toEqual([
      {
        kind: "problem",
        why: '"3/4/2024, 15:15" may be a date in the order dmy or mdy, and no line of the file decides it: give --date-order',
        option: "--date-order",
        at: { file: FILE, line: 1 },
      },
    ])
    expect(await timesIn(text, { dateOrder: "mdy" })).toEqual(["2024-03-04T15:15:00", "2024-04-04T15:15:00"])
    expect(await timesIn(written("4/4/2024, 15:15 - "))).toEqual(["2024-04-04T15:15:00"])
  })

  test("a --date-order that does not fit is a problem at the line", async () => {
    expect(await read(written("3/4/24, 15:15 - ", "3/13/24, 15:15 - "), { dateOrder: "dmy" })).toEqual([
      { kind: "problem", why: '"3/13/24, 15:15" has no date in the order dmy', at: { file: FILE, line: 2 } },
    ])
  })

  test.each([
    ["another calendar", written("۱۴۰۳/۱/۶، ۱۵:۱۵ - "), "No order of day, month and year fits all lines"],
    ["the future", written("25/03/2120, 15:15 - "), "No order of day, month and year fits all lines"],
    ["lines that contradict each other", written("13/3/24, 15:15 - ", "3/14/24, 15:15 - "), "No order of day"],
    ["an unknown word beside the time", written("25/03/2024, 3:15 zzz - "), '"zzz" beside the time is not known'],
    ["an hour that its word does not have", written("2024/3/10 凌晨9:15 - "), "is not a date and time"],
  ])("%s: a problem", async (_, text, why) => {
    const items = await read(text)
    expect(messagesOf(items)).toEqual([])
    expect(toldOf(items)).toEqual([expect.stringContaining(why)])
  })

  test("an unknown word is none of a 12-hour clock if there is an hour beyond 12", async () => {
    const stamps = ["25/03/2024 zzz 3:15 - ", "25/03/2024 zzz 13:15 - "]
    expect(await timesIn(written(...stamps))).toEqual(["2024-03-25T03:15:00", "2024-03-25T13:15:00"])
  })
})

describe("times without an offset", () => {
  test("without a time zone, or with one that is none, they are a problem", async () => {
    const text = written("25/03/2024, 15:15 - ")
    expect(toldOf(await itemsOf(whatsapp, { [FILE]: text }))).toEqual([
      "problem: its times have no offset: give --timezone, such as Europe/Berlin",
    ])
    expect((await itemsOf(whatsapp, { [FILE]: text })).at(-1)).toMatchObject({ option: "--timezone" })
    expect(toldOf(await read(text, { timezone: "Mars/Olympus" }))).toEqual([
      'problem: there is no time zone "Mars/Olympus"',
    ])
  })

  test("summer time is that of the date", async () => {
    const options = { timezone: "Europe/Berlin" }
    const stamps = ["25.01.24, 15:15 - ", "25.07.24, 15:15 - "]
    expect(await timesIn(written(...stamps), options)).toEqual(["2024-01-25T14:15:00", "2024-07-25T13:15:00"])
  })

  test("in the hour that comes twice, a time that would go back is that of the second time", async () => {
    const hours = ["01:50", "02:50", "02:10", "02:15", "03:15"].map((hour) => `27.10.24, ${hour} - `)
    expect(await timesIn(written(...hours), { timezone: "Europe/Berlin" })).toEqual(
      ["23:50", "00:50", "01:10", "01:15", "02:15"].map((hour, index) => `2024-10-${index === 0 ? 26 : 27}T${hour}:00`),
    )
  })

  test("a time that clocks were put over is as if they had not been yet", async () => {
    expect(await timesIn(written("31.03.24, 02:30 - "), { timezone: "Europe/Berlin" })).toEqual(["2024-03-31T01:30:00"])
  })
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
    const form = fc.record({ locale, hour12: fc.boolean(), seconds: fc.constant(true), ios: fc.boolean() })
    const name = fc.stringMatching(/^[\p{L}~+][\p{L}\d +-]{0,20}[\p{L}\d]$/u)
    const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((text) => /^\p{L}/u.test(text))
    const body = fc.array(line, { minLength: 1, maxLength: 3 }).map((all) => all.join("\n\n").trimEnd())
    const message = fc.tuple(name, body)
    await fc.assert(
      fc.asyncProperty(form, fc.array(message, { minLength: 30, maxLength: 40 }), async (how, messages) => {
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
