// Takes from a JSON value what it has of the wanted kind, since an export may be of another version than the newest.
import type { Item, JsonObject, JsonValue, SourceFile } from "../format.ts"
import { head, isObject } from "../reading.ts"

/** The names at the top of an export come before its messages; a long topic of a room may be among them. */
const HEAD_BYTES = 65_536

/** Returns the beginning of a JSON file, or "" if it has another name. */
export const jsonHead = async (file: SourceFile): Promise<string> =>
  /\.json$/iu.test(file.name) ? await head(file, HEAD_BYTES) : ""

export const fileLeftOut = (file: SourceFile): Item => ({
  kind: "left-out",
  what: "file",
  why: "files are not imported; the messages that came with them have their names",
  at: { file: file.name },
})

type Maybe = JsonValue | undefined

/** Returns a text that is not empty, or null. */
export const textIn = (value: Maybe): string | null => (typeof value === "string" && value !== "" ? value : null)

/** Returns an id, which may be a number in the export, as a text. */
export const idIn = (value: Maybe): string | null => (typeof value === "number" ? String(value) : textIn(value))

export const objectIn = (value: Maybe): JsonObject => (isObject(value) ? value : {})

export const objectsIn = (value: Maybe): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])

export const textsIn = (value: Maybe): string[] =>
  Array.isArray(value) ? value.filter((member) => typeof member === "string") : []

const isEmpty = (value: Maybe): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === false ||
  (Array.isArray(value) && value.length === 0)

/** Returns an object without the members that say nothing. */
export const compact = (members: { [name: string]: Maybe }): JsonObject =>
  Object.fromEntries(Object.entries(members).filter((entry): entry is [string, JsonValue] => !isEmpty(entry[1])))
