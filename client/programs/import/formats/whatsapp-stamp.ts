// Reads the beginning of a line that WhatsApp exported: "[10.03.24, 15:15:00] " on iOS, "10/3/24, 3:15 pm - " on Android.
import { hourOfDay, kindOfWord, normalWord } from "./whatsapp-periods.ts"

/** Marks of direction and the byte order mark, which stand anywhere in these lines. */
export const MARKS = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu
const MARK = MARKS.source

/** The date and the time of a line, as numbers whose meaning is not known yet. */
export type Stamp = {
  /** As it was, without marks, with ASCII digits and plain spaces. */
  text: string
  /** The three numbers of the date in the order of the line. */
  numbers: [string, string, string]
  /** What stands between the first two, such as "/", "." or ". ". */
  separator: string
  hour: number
  minute: number
  second: number
  /** The word beside the time, as `normalWord` has it; empty if there is none, or none that matters. */
  word: string
  /** The same for all lines of a file, since one phone wrote them all. */
  shape: string
}
export type Header = { stamp: Stamp; rest: string }

/** The longest stamps are those of languages with long words for the time of day; they have some 40 characters. */
const STAMP_MAX = 60
const IOS = new RegExp(`^${MARK}*\\[([^\\]]{6,${STAMP_MAX}})\\]${MARK}*\\s`, "u")
const ANDROID = new RegExp(`^(?=${MARK}*\\p{Nd})(.{6,${STAMP_MAX}}?)\\s-\\s`, "u")

const DATE = /(\d{1,4})(\s?[-/.年년]\s?)(\d{1,2})(\s?[-/.月월]\s?)(\d{1,4})(?!\d)\s?[日일]?/u.source
const TIME = /(\d{1,2})(\s?[:.h]\s?)(\d{1,2})(?:(?:\s?[:.]\s?|\s?min\s?)(\d{1,2})(?:\s?s\b)?)?(?!\d)/u.source
const WORDS = "([^\\d]{0,30}?)"
const DATE_FIRST = new RegExp(`^${DATE}${WORDS}${TIME}${WORDS}$`, "u")
const TIME_FIRST = new RegExp(`^${TIME}${WORDS}${DATE}${WORDS}$`, "u")

/** The digits of every script come in runs of ten from zero. */
function digitOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  let before = 0
  while (/\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before++
  return String(before % 10)
}

/** Returns text without marks of direction, with plain spaces. */
export const plain = (text: string): string => text.replace(MARKS, "").replace(/\s/gu, " ").trim()

const plainStamp = (text: string): string =>
  plain(text)
    .replace(/ +/g, " ")
    .replace(/\p{Nd}/gu, (digit) => (digit >= "0" && digit <= "9" ? digit : digitOf(digit)))

/** Returns the head of a line and what follows it, or null if the line begins no message. */
export function headerOf(line: string): Header | null {
  const ios = line.match(IOS)
  const found = ios ?? line.match(ANDROID)
  if (found?.[1] === undefined) return null
  const stamp = stampOf(found[1], ios !== null)
  return stamp === null ? null : { stamp, rest: line.slice(found[0].length) }
}

function stampOf(raw: string, bracketed: boolean): Stamp | null {
  const text = plainStamp(raw)
  const found = text.match(DATE_FIRST)
  const groups = found?.slice(1) ?? rotated(text.match(TIME_FIRST))
  if (groups === null) return null
  const [a = "", separator = "", b = "", second = "", c = "", before = "", hour = "", colon = ""] = groups
  const [minute = "", seconds, after = ""] = groups.slice(8)
  const word = wordOf([before, after])
  if (word === null) return null
  const kind = word === "" ? "" : kindOfWord(word)
  const shape = [
    bracketed ? "[" : "",
    found ? "date" : "time",
    separator,
    second,
    colon.trim(),
    seconds === undefined,
    kind,
  ]
  return {
    text,
    numbers: [a, b, c],
    separator,
    hour: Number(hour),
    minute: Number(minute),
    second: Number(seconds ?? 0),
    word,
    shape: shape.join("|"),
  }
}

/** Returns the groups of TIME_FIRST in the order of those of DATE_FIRST. */
const rotated = (found: RegExpMatchArray | null): string[] | null =>
  found === null ? null : [...found.slice(6, 11), found[5] ?? "", ...found.slice(1, 5), found[11] ?? ""]

/** Returns a text beside a time without what says nothing of it: "ч. pm" is "pm". */
function tellingPart(text: string): string {
  const isSilent = (word: string) => kindOfWord(normalWord(word)) === "silent"
  if (isSilent(text)) return ""
  return normalWord(
    text
      .split(" ")
      .filter((word) => !isSilent(word))
      .join(" "),
  )
}

/** Returns the one word beside a time that may matter, "" for none, null if two are at odds. */
function wordOf(texts: string[]): string | null {
  const words = texts.map(tellingPart).filter((word) => word !== "")
  const periods = words.filter((word) => kindOfWord(word) === "period")
  if (periods.length > 1) return null
  return periods[0] ?? words.join("")
}

/**
 * Returns the time of day in milliseconds, or null if there is no such time. `silent` tells whether a word that is not
 * known says nothing of it.
 */
export function timeOfDay(stamp: Stamp, silent: boolean): number | null {
  const { hour, minute, second, word } = stamp
  const of24 = word === "" || (silent && kindOfWord(word) === "unknown") ? hour : hourOfDay(hour, word)
  if (of24 === null || of24 > 23 || minute > 59 || second > 59) return null
  return ((of24 * 60 + minute) * 60 + second) * 1_000
}
