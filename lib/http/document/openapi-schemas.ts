import * as z from "zod"
import { OPERATIONS } from "../../operations/routes.ts"

export type Json = Record<string, unknown>

const SCHEMA_PATH = "#/components/schemas/"

const idOf = (schema: z.ZodType): string => schema.meta()?.id ?? ""

/** Returns the reference to a schema that has an `id`. */
export const schemaRef = (schema: z.ZodType): Json => ({ $ref: SCHEMA_PATH + idOf(schema) })

/** Zod's JSON Schema of a member that is refused whatever it is. */
const isRefused = (schema: unknown): boolean => JSON.stringify(schema) === '{"not":{}}'

const withoutRefused = (properties: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).filter(([, schema]) => !isRefused(schema)))

/** All schemas that have an `id` as JSON Schema, referring to each other, as clients send them or as they get them. */
function jsonSchemas(io: "input" | "output"): Record<string, Json> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    io,
    // What a body is transformed into is nothing that a client gets.
    unrepresentable: io === "input" ? "throw" : "any",
    uri: (id) => SCHEMA_PATH + id,
    override: ({ jsonSchema }) => {
      // Generators make a date of a date-time, and some then hold the pattern against that.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern
      // Answers gain members: a client of today must take one that it does not know.
      delete jsonSchema.additionalProperties
      if (jsonSchema.properties) Object.assign(jsonSchema, { properties: withoutRefused(jsonSchema.properties) })
    },
  })
  return Object.fromEntries(Object.entries(schemas).map(([name, { $schema, $id, id, ...schema }]) => [name, schema]))
}

/** The document's named schemas. Bodies apart from answers, as a schema may differ between the two (a default, a transform). */
export function componentSchemas(): Record<string, Json> {
  const bodies = new Set(OPERATIONS.flatMap(({ body }) => (body ? [idOf(body)] : [])))
  const [sent, answered] = [jsonSchemas("input"), jsonSchemas("output")]
  return Object.fromEntries(
    Object.entries(answered).map(([id, schema]) => [id, (bodies.has(id) && sent[id]) || schema]),
  )
}

/** A schema of its own, with its description and its example set apart, as a parameter has them. */
function parameterParts(json: Json): Json {
  const { $schema, description, examples, ...schema } = json
  return {
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema,
  }
}

/** Returns the parameters that a zod object's members stand for, except those that are refused. */
export function parametersOf(place: "path" | "query" | "header", schema: z.ZodObject | undefined): Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = z.toJSONSchema(z.object(schema.shape), { io: "output" })
  return Object.entries(withoutRefused(properties)).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...parameterParts(property as Json),
  }))
}
