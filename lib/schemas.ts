/** What the schemas of the contract are made of: texts, tokens, numbers and times as clients give and get them. */
import * as z from "zod"
import { nestsDeeper } from "./json-depth.ts"
import { isJsonObject, isWellFormedJson, parseKept } from "./kept-json.ts"
import { LIMITS } from "./limits.ts"
import { parseRfc3339 } from "./rfc3339.ts"

// zod compiles each object's parser when it first runs, which pays only where a process lives long (docs/decisions/0014).
z.config({ jitless: process.env.ANSWER_BEFORE_SEND !== "true" })

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

const NUMBER_BOUND = `must be a whole number from 0 to ${LIMITS.numberMax}`

/** Returns the schema of an end of a list by number, in a query string. */
export const numberBound = (description: string) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,9})$/, NUMBER_BOUND)
    .transform(Number)
    .pipe(z.int().min(0, NUMBER_BOUND).max(LIMITS.numberMax, NUMBER_BOUND))
    .meta({ description, format: WIDE })

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

const EPOCH = "1970-01-01T00:00:00Z"

function checkSentAt(value: string, context: z.RefinementCtx): void {
  const time = parseRfc3339(value, "down")
  const message = Number.isNaN(time)
    ? "must be a possible RFC 3339 time with its offset"
    : time < 0 || time > Date.now() + LIMITS.sentAheadMaxMs
      ? `must be from ${EPOCH} to one day ahead`
      : undefined
  if (message !== undefined) context.addIssue({ code: "custom", message })
}

/** The time at which something was sent, as clients give it. It is read as a time in an answer, cut to milliseconds. */
export const GivenSentAt = z
  .string()
  .superRefine(checkSentAt)
  .transform((value) => new Date(parseRfc3339(value, "down")).toISOString())
  .meta({
    description:
      "When the original was sent, as its sender says: RFC 3339, from 1970 to one day ahead. It is cut to milliseconds, and does not change the order of messages.",
    format: "date-time",
    examples: ["2026-11-01T08:15:30+01:00"],
  })

/** JSON metadata as text, which keeps the order of names and the digits of numbers; null is no metadata, `{}`. */
type MetadataText = string | null

const NO_METADATA = "{}"

function checkMetadata(value: unknown, context: z.RefinementCtx): void {
  const refuse = (message: string) => context.addIssue({ code: "custom", message })
  if (!isJsonObject(value)) return void refuse("must be an object")
  const json = JSON.stringify(value)
  if (Buffer.byteLength(json) > LIMITS.metadataBytesMax)
    return void refuse(`must have at most ${LIMITS.metadataBytesMax} bytes as compact JSON in UTF-8`)
  if (nestsDeeper(json, LIMITS.metadataDepthMax))
    return void refuse(`must not be nested deeper than ${LIMITS.metadataDepthMax} levels`)
  if (!isWellFormedJson(json)) refuse(WELL_FORMED)
}

const FREE_OBJECT = { type: "object", additionalProperties: true, examples: [{ order: 1001, tags: ["parcel"] }] }

/** Metadata as clients give it. It is not zod's record, which loses a member `__proto__` and the order of names. */
export const GivenMetadata = z
  .unknown()
  .superRefine(checkMetadata)
  .transform((value): MetadataText => {
    const json = JSON.stringify(value)
    return json === NO_METADATA ? null : json
  })
  .meta({
    ...FREE_OBJECT,
    description: `Any JSON object of at most ${LIMITS.metadataBytesMax} bytes as compact JSON in UTF-8, nested ${LIMITS.metadataDepthMax} levels at most. It comes back as it is, with its members in their order and the digits of its numbers.`,
  })

export const Metadata = (z.unknown() as z.ZodType<object>).meta({
  ...FREE_OBJECT,
  description: "As it was given; `{}` if it was not.",
})

/** Returns the metadata of an answer. */
export const metadataOf = (json: MetadataText): object => (json === null ? {} : (parseKept(json) as object))

/** Returns the schema of a change of some members, which must have at least one of them. */
export const someOf = <Shape extends z.ZodRawShape>(id: string, shape: Shape) =>
  z
    .object(shape)
    .refine((given) => Object.keys(given).length > 0, `must have one of: ${Object.keys(shape).join(", ")}`)
    .meta({ id, minProperties: 1 })

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
