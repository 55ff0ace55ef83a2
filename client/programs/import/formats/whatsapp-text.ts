// Tells what the text after "Name: " is: words, a file, or what WhatsApp wrote itself.
import type { JsonObject } from "../format.ts"
import { MARKS, plain } from "./whatsapp-stamp.ts"
import { isDeleted, isEdited, isOmitted } from "./whatsapp-words.ts"

export type Text =
  | { kind: "message"; body: string; metadata: JsonObject; missing: boolean }
  | { kind: "left-out"; what: string; why: string }
  | { kind: "own" }

/** WhatsApp puts this mark before what it writes itself, always on iOS, at times on Android. */
const LRM = "\u200e"
/** The name of a file that follows "<attached: " on iOS, in any language. */
const ATTACHED = /\u200e?<[^<>:：\n]{1,40}[:：]\s?([^<>\n]+\.\w{1,8})>/u
/** "photo.jpg (file attached)" on Android, in any language, if the mark or WhatsApp's own way of naming files is there. */
const FILE_ATTACHED = /^(?:\u200e(.+\.\w{1,8})|(\S+-\d{8}-WA\d+\.\w{1,8})) \([^()\n]{3,60}\)(?=\n|$)/u
/** The last `<…>` of a text, and what follows the last mark in it. */
const TAIL = /\s*\u200e?<([^<>\n]{3,60})>\s*$/u
const MARKED_TAIL = /\u200e([^\u200e\n]{3,60})$/u

const withoutMarks = (text: string): string => text.replace(MARKS, "").trim()

/** Reads the text of a message that has an author. */
export function textOf(raw: string, ios: boolean): Text {
  const metadata: JsonObject = {}
  let text = raw
  const tail = text.match(TAIL)
  if (tail?.[1] !== undefined && isEdited(plain(tail[1]))) {
    text = text.slice(0, tail.index)
    metadata.edited = true
  }
  const attached = text.match(ios ? ATTACHED : FILE_ATTACHED)
  const name = attached?.[1] ?? attached?.[2]
  const isOwn = !ios || text.includes(LRM) || withoutMarks(text) === withoutMarks(attached?.[0] ?? "")
  if (attached !== null && name !== undefined && isOwn)
    return withFile(text.replace(attached[0], ""), { name: plain(name) }, metadata, "")
  const whole = withoutMarks(text)
  const marked = text.match(MARKED_TAIL)?.[1]?.trim()
  // On Android, the caption of a file that was left out is on the next line.
  const [first = "", ...more] = whole.split("\n")
  if (!ios && more.length > 0 && first.startsWith("<") && isOmitted(first))
    return withFile(more.join("\n"), { missing: true }, metadata, first)
  if (isOmitted(whole)) return withFile("", { missing: true }, metadata, whole)
  if (ios && marked !== undefined && isOmitted(marked))
    return withFile(text.slice(0, text.lastIndexOf(LRM)), { missing: true }, metadata, marked)
  if (isDeleted(whole)) return { kind: "left-out", what: "deleted message", why: "only its place is in the export" }
  if (whole === "")
    return {
      kind: "left-out",
      what: "message without text",
      why: "the export has nothing of it, as of a view-once photo",
    }
  if (ios && text.startsWith(LRM) && !whole.includes("\n") && !/https?:\/\//u.test(whole)) return { kind: "own" }
  return { kind: "message", body: text.replace(/^\u200e+/u, ""), metadata, missing: false }
}

/** Returns a message with a file; its body is the caption or, without one, `instead`. */
function withFile(caption: string, file: JsonObject, metadata: JsonObject, instead: string): Text {
  const body = withoutMarks(caption)
  const missing = file.name === undefined
  return { kind: "message", body: body === "" ? instead : body, metadata: { ...metadata, files: [file] }, missing }
}
