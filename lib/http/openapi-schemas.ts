import * as z from "zod"
import * as contract from "../contract.ts"
import { searchInput } from "./searches.ts"

export type Json = Record<string, unknown>

/**
 * What clients send, by its name in the document. No name begins with New or like an operation's id: Go clients call
 * `NewX` what makes an `X`, and call types of their own after operations.
 */
export const REQUEST_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  ApplicationInput: contract.ApplicationInput,
  ApplicationChanges: contract.ApplicationChanges,
  ChatInput: contract.ChatInput,
  ChatChanges: contract.ChatChanges,
  MessageInput: contract.MessageInput,
  MessageChanges: contract.MessageChanges,
  SearchInput: z.object(searchInput),
}

/** What clients get. Apart from the above, as a schema may differ between the two (a default, a transform). */
export const ANSWER_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Application: contract.Application,
  Chat: contract.Chat,
  Message: contract.Message,
  SearchHit: contract.SearchHit,
  ApplicationSearchHit: contract.ApplicationSearchHit,
  ApplicationList: contract.ApplicationList,
  ChatList: contract.ChatList,
  MessageList: contract.MessageList,
  SearchResults: contract.SearchResults,
  ApplicationSearchResults: contract.ApplicationSearchResults,
  Health: contract.Health,
  DependencyState: contract.DependencyState,
  Readiness: contract.Readiness,
  FieldError: contract.FieldError,
  Problem: contract.Problem,
}

const SCHEMA_PATH = "#/components/schemas/"
export const schemaRef = (name: string): Json => ({ $ref: SCHEMA_PATH + name })

/** The named schemas as JSON Schema, referring to each other. */
function jsonSchemas(schemas: Readonly<Record<string, z.ZodType>>, io: "input" | "output"): Record<string, Json> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const made = z.toJSONSchema(registry, {
    io,
    uri: (id) => SCHEMA_PATH + id,
    override: ({ jsonSchema }) => {
      // Generators make a date of a date-time, and some then hold the pattern against that.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern
      // Answers gain members: a client of today must take one that it does not know.
      delete jsonSchema.additionalProperties
    },
  })
  return Object.fromEntries(Object.entries(made.schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema]))
}

/** The document's named schemas. */
export const componentSchemas = (): Record<string, Json> => ({
  ...jsonSchemas(REQUEST_SCHEMAS, "input"),
  ...jsonSchemas(ANSWER_SCHEMAS, "output"),
  OpenApi: { type: "object" },
})

/** A schema of its own, with its description and its example set apart, as a parameter has them. */
function parameterParts(json: Json): Json {
  const { $schema, description, examples, ...schema } = json
  return {
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema,
  }
}

/** The parameters that a zod object's fields stand for. */
export function parametersOf(place: "path" | "query" | "header", fields: Record<string, z.ZodType>): Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(z.object(fields), { io: "output" })
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...parameterParts(property as Json),
  }))
}
