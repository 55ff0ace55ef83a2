import * as z from "zod"
import { Message } from "../../contract.ts"
import { OPERATIONS } from "../../operations/routes.ts"

export type Json = Record<string, unknown>

const SCHEMA_PATH = "#/components/schemas/"

const idOf = (schema: z.ZodType): string => schema.meta()?.id ?? ""

/** Returns a reference to a schema with an `id`. */
export const schemaRef = (schema: z.ZodType): Json => ({ $ref: SCHEMA_PATH + idOf(schema) })

/** Returns whether this is zod's JSON Schema of z.never(). */
const isRefused = (schema: unknown): boolean => JSON.stringify(schema) === '{"not":{}}'

const withoutRefused = (properties: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).filter(([, schema]) => !isRefused(schema)))

/** Returns all schemas with an `id` as JSON Schema, as clients send them or as they receive them. */
function jsonSchemas(io: "input" | "output"): Record<string, Json> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    io,
    // Clients never receive a transformed body, so it need not be representable.
    unrepresentable: io === "input" ? "throw" : "any",
    uri: (id) => SCHEMA_PATH + id,
    override: ({ jsonSchema }) => {
      // Generators turn a date-time into a date, and some then check the pattern against that.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern
      // Clients must accept new members of answers. An object of any members is declared with `true`.
      if (jsonSchema.additionalProperties !== true) delete jsonSchema.additionalProperties
      if (jsonSchema.properties) Object.assign(jsonSchema, { properties: withoutRefused(jsonSchema.properties) })
    },
  })
  return Object.fromEntries(Object.entries(schemas).map(([name, { $schema, $id, id, ...schema }]) => [name, schema]))
}

/**
 * Messages come with what only searches add as an optional member, which viewers would put into the example of every
 * answer; so their schema has an example of what is always there.
 */
function withExample({ properties, required = [], ...schema }: Json): Json {
  const examplesOf = properties as Record<string, { examples?: unknown[] }>
  const example = (required as string[]).map((name) => [name, examplesOf[name]?.examples?.[0] ?? null])
  return { ...schema, properties, required, examples: [Object.fromEntries(example)] }
}

/** Returns the named schemas: of bodies as sent, of answers as received, which may differ (a default, a transform). */
export function componentSchemas(): Record<string, Json> {
  const bodies = new Set(OPERATIONS.flatMap(({ body }) => (body ? [idOf(body)] : [])))
  const [sent, answered] = [jsonSchemas("input"), jsonSchemas("output")]
  const schemas = Object.entries(answered).map(([id, schema]): [string, Json] => {
    const shown = (bodies.has(id) && sent[id]) || schema
    return [id, id === idOf(Message) ? withExample(shown) : shown]
  })
  return Object.fromEntries(schemas)
}

/** Separates a schema's description and example, as a parameter has them. */
function parameterParts(json: Json): Json {
  const { $schema, description, examples, ...schema } = json
  return {
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema,
  }
}

/** Returns the parameters of a zod object's members, except z.never(). */
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
