import { describe, expect, test } from "@jest/globals"
import ts from "typescript"
import { OPERATIONS } from "../../operations/routes.ts"
import { openapiDocument } from "./openapi.ts"

type Sample = { lang: string; label: string; source: string }
type Documented = { operationId: string; "x-codeSamples"?: Sample[] }
/** More would hide what a call is about. */
const LINES_MAX = 6

const paths = openapiDocument().paths as Record<string, Record<string, Documented>>
const documented = Object.values(paths).flatMap((item) => Object.values(item))
const operations = new Map(OPERATIONS.map((operation) => [operation.id, operation]))

describe("the code sample", () => {
  test.each(documented.map((operation) => [operation.operationId, operation] as const))(
    "of %s: is a few lines of TypeScript that call our client, or fetch if it is about the system",
    (id, { "x-codeSamples": [sample, ...others] = [] }) => {
      expect(others).toEqual([])
      const { lang = "", label = "", source = "" } = sample ?? {}
      expect([lang, label]).toEqual(["TypeScript", "chat-backend-client"])
      expect(source.split("\n").length).toBeLessThanOrEqual(LINES_MAX)
      const { diagnostics = [] } = ts.transpileModule(source, {
        reportDiagnostics: true,
        compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
      })
      expect(diagnostics.map(({ messageText }) => messageText)).toEqual([])
      // Nothing of the template is left over.
      expect(source).not.toMatch(/\$(?:example|url)|undefined/)
      const calls = source.includes("new ChatClient(")
        ? /\b(?:client|application|chat)\.\w+\(/
        : /\bfetch\("https:[^{}]+"[,)]/
      expect(source).toMatch(calls)
      expect(source.includes("adminKey")).toBe(operations.get(id)?.administers === true)
    },
  )

  test("of a batch: has the messages of the example, as they are written in TypeScript", () => {
    const batch = documented.find(({ operationId }) => operationId === "create-message-batch")
    expect(batch?.["x-codeSamples"]?.[0]?.source.split("\n")).toEqual([
      'import { ChatClient } from "chat-backend-client"',
      "",
      'const client = new ChatClient({ url: "https://chat.example.com" })',
      'const chat = client.application("Vq3xJ8mZ-tR5wK1yB7nC_dHf").chat(1)',
      'const numbers = await chat.sendBatch([{ body: "Hello, where is my parcel?" }, { body: "It was due yesterday." }])',
    ])
  })
})
