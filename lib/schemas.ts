/** What the schemas of the contract are made of: texts, tokens, numbers and times as clients give and get them. */
import * as z from "zod"
import { LIMITS } from "./limits.ts"
import { parseRfc3339 } from "./rfc3339.ts"

// Without it zod compiles each object's parser when it first runs, which takes a new process longer than it ever saves.
z.config({ jitless: true })

/** Defines an OpenAPI object. Its `id` must not be like NewX or an operation's id: Go generators use those, too. */
export const named = <Shape extends z.ZodRawShape>(id: string, shape: Shape) => z.object(shape).meta({ id })

/**
 * Matches text with a character other than white space (ECMAScript's `\s`, which `trim` drops; other languages may
 * differ on rare ones). Anchored at both ends, since clients search, match from the start, or match the whole text.
 */
const NOT_BLANK = "^\\s*\\S[\\s\\S]*$"

/** States the refinements below in JSON Schema, where lengths count code points as ours do. */
export const textSchema = (maxLength: number) => ({ minLength: 1, maxLength, pattern: NOT_BLANK })

const codePoints = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

const WELL_FORMED = "must be well-formed Unicode (it has a lone surrogate)"

const text = z.string().refine((value) => value.isWellFormed(), WELL_FORMED)

export const Name = text
  .transform((value) => value.trim())
  .refine((value) => value !== "", "must not be blank")
  .refine((value) => codePoints(value) <= LIMITS.nameMax, `must have at most ${LIMITS.nameMax} characters`)
  .meta({ description: "1–255 characters after trimming, not blank.", ...textSchema(LIMITS.nameMax) })

/** Text kept as it came: at most `max` code points, not only white space. */
export const keptText = (max: number) =>
  text
    .refine((value) => value.trim() !== "", "must not be blank")
    .refine((value) => codePoints(value) <= max, `must have at most ${max} characters`)

export const TOKEN_PATTERN = /^[A-Za-z0-9_-]{24}$/
export const Token = z
  .string()
  .regex(TOKEN_PATTERN)
  .meta({ description: "The application's token.", examples: ["Vq3xJ8mZ-tR5wK1yB7nC_dHf"] })

/** The format of numbers and counts, which exceed int32, the type that generators otherwise give an integer. */
const WIDE = "int64"

/** Returns the schema of a number in a path, where one that cannot be is 404, never 422. */
export const pathNumber = (description: string, example: number) =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,9}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(LIMITS.numberMax))
    .meta({ description, format: WIDE, examples: [example] })

/** Returns the schema of a chat's or message's number in an answer. */
export const resourceNumber = (description: string, example: number) =>
  z
    .int()
    .min(1)
    .max(LIMITS.numberMax)
    .meta({ description, format: WIDE, examples: [example] })

export const count = (description: string, example: number) =>
  z
    .int()
    .min(0)
    .meta({ description, format: WIDE, examples: [example] })

/** A time in an answer. */
export const Time = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "RFC 3339 in UTC with milliseconds.", examples: ["2026-11-28T09:30:00.000Z"] })

const isTime = (value: string): boolean => !Number.isNaN(parseRfc3339(value, "down"))

/** Returns the schema of a time that clients give; unlike a time in an answer, it may have any offset and precision. */
export const searchTime = (description: string, example: string) =>
  z
    .string()
    .refine(isTime, "must be a possible RFC 3339 time with its offset; a + in a URL is written %2B")
    .meta({ description, format: "date-time", examples: [example] })

/** Returns the schema of an idempotency key of at least `min` characters. */
export const idempotencyKey = (min: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[!-~]{${min},${LIMITS.idempotencyKeyMax}}$`),
      `must be ${min}–${LIMITS.idempotencyKeyMax} visible ASCII characters`,
    )
    .meta({
      description: "Makes sending the request again safe: the same key and body create once in 24 hours.",
      examples: ["0b7fd1c4-5a83-4f0e-9c26-6f1d2e3a4b5c"],
    })
