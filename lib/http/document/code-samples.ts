import { ChatPath } from "../../contract.ts"
import type { Operation } from "../operation.ts"
import { type Json, parametersOf } from "./openapi-schemas.ts"

/** Where the API is in the samples. The docs page puts its own address in its place. */
const SAMPLE_URL = "https://chat.example.com"

/** Returns a value as it is written in TypeScript, on one line. */
const literal = (value: unknown): string =>
  JSON.stringify(value, null, 1)
    .replaceAll(/\n\s*/g, " ")
    .replaceAll(/\[ | \]/g, (bracket) => bracket.trim())
    .replaceAll(/"(\w+)": /g, "$1: ")

/** Returns a sample's first lines, which make what it calls: the client, an application or a chat. */
function prelude({ path, administers, sample }: Operation): string[] {
  if (!/\b(?:client|application|chat)\b/.test(sample)) return []
  const [token, number] = parametersOf("path", ChatPath).map(({ example }) => literal(example))
  const key = administers ? ", adminKey: process.env.ADMIN_API_KEY" : ""
  const lines = [
    'import { ChatClient } from "chat-backend-client"',
    "",
    `const client = new ChatClient({ url: "${SAMPLE_URL}"${key} })`,
  ]
  if (/chats\/\{/.test(path)) lines.push(`const chat = client.application(${token}).chat(${number})`)
  else if (path.includes("{token}")) lines.push(`const application = client.application(${token})`)
  return lines
}

/** Returns the path of an operation with the examples of its parameters. */
const examplePath = ({ path, params }: Operation): string =>
  parametersOf("path", params).reduce((filled, { name, example }) => filled.replace(`{${name}}`, String(example)), path)

/** Returns the `x-codeSamples` of an operation: its call with our client, or with `fetch` if the client has none. */
export function codeSamples(operation: Operation): Json[] {
  const { example, sample } = operation
  const call = sample
    .replaceAll(/\$example(?:\.(\w+))?/g, (_all, member?: string) =>
      literal(member === undefined ? example : (example as Json)[member]),
    )
    .replaceAll("$url", SAMPLE_URL + examplePath(operation))
  return [{ lang: "TypeScript", label: "chat-backend-client", source: [...prelude(operation), call].join("\n") }]
}
