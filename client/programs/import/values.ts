// Reads members of JSON whose form may vary between versions of a product: what is not of a type is as if it were missing.
import type { JsonObject, JsonValue } from "./format.ts"
import { isObject } from "./reading.ts"

type Given = JsonValue | undefined

export const textOf = (value: Given): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

export const numberOf = (value: Given): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

export const objectOf = (value: Given): JsonObject => (isObject(value) ? value : {})

export const listOf = (value: Given): JsonValue[] => (Array.isArray(value) ? value : [])

export const objectsOf = (value: Given): JsonObject[] => listOf(value).filter(isObject)

export const textsOf = (value: Given): string[] => listOf(value).filter((member) => typeof member === "string")

/** Returns an id as text, which may be a number. */
export const idOf = (value: Given): string | undefined => (typeof value === "number" ? String(value) : textOf(value))

/** Returns the members that have a value: empty lists, empty texts, null and false say nothing. */
export function told(members: Record<string, Given>): JsonObject {
  const has = (value: Given) =>
    value !== undefined &&
    value !== null &&
    value !== "" &&
    value !== false &&
    !(Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(members).filter((entry): entry is [string, JsonValue] => has(entry[1])))
}

/** Returns a time as RFC 3339 in UTC; undefined if there is none. */
export function timeOf(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined
  const time = new Date(milliseconds)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

/**
 * Returns the text of attachments as Slack has them, and Mattermost and Rocket.Chat after it: in messages of apps it
 * stands there.
 */
export const attachedText = (attachments: Given): string =>
  objectsOf(attachments)
    .map(({ pretext, title, text, fallback }) => {
      const own = [pretext, title, text].map(textOf).filter((part) => part !== undefined)
      return own.length > 0 ? own.join("\n") : (textOf(fallback) ?? "")
    })
    .join("\n")
