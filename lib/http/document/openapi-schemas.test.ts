import { describe, expect, test } from "@jest/globals"
import type { ZodObject, ZodType } from "zod"
import * as contract from "../../contract.ts"
import { OPERATIONS } from "../../operations/routes.ts"
import { openapiDocument } from "./openapi.ts"

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of every shape
type Json = any

const document: Json = JSON.parse(JSON.stringify(openapiDocument()))
const schemas: Record<string, Json> = document.components.schemas
const operations: Json[] = Object.values<Json>(document.paths).flatMap((item) => Object.values<Json>(item))

/** Yields every object in the document. */
function* nodes(value: Json): Generator<Json> {
  if (typeof value !== "object" || value === null) return
  yield value
  for (const child of Object.values(value)) yield* nodes(child)
}
const all = [...nodes(document)]

describe("the schemas of the OpenAPI document", () => {
  test("have times as a format alone, without a pattern that a date object cannot match", () => {
    const times = all.filter(({ format }) => format === "date-time")
    expect(times.length).toBeGreaterThan(10)
    for (const time of times) expect(time).not.toHaveProperty("pattern")
  })

  test("say of each whole number how wide it is, 64 bits where 31 do not hold it", () => {
    const integers = all.filter(({ type }) => type === "integer")
    expect(integers.length).toBeGreaterThan(30)
    for (const { format, maximum = Number.POSITIVE_INFINITY, description } of integers) {
      const isSmall = maximum < 2 ** 31
      expect([description, format]).toEqual([description, isSmall ? "int32" : "int64"])
    }
  })

  test("let answers gain members and codes", () => {
    for (const node of all) expect([undefined, true]).toContain(node.additionalProperties)
    expect(schemas.Problem.properties.code).not.toHaveProperty("enum")
  })

  test("have names that no client needs for something of its own", () => {
    const names = Object.keys(schemas)
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length)
    const ofOperations = operations.map(({ operationId }) =>
      operationId.replaceAll(/(?:^|-)([a-z])/g, (_match: string, letter: string) => letter.toUpperCase()),
    )
    expect(ofOperations).toContain("CreateChat")
    for (const name of names)
      for (const taken of ["New", "Api", ...ofOperations])
        expect([name, taken, name.startsWith(taken)]).toEqual([name, taken, false])
  })
})

const patterns = [...new Set<string>(all.flatMap(({ pattern }) => (typeof pattern === "string" ? [pattern] : [])))]

describe("the patterns of the OpenAPI document", () => {
  test.each(patterns)("%s says the same searched for, matched from the start and matched to the end", (pattern) => {
    expect(pattern).toMatch(/^\^.*\$$/)
    expect(pattern).not.toMatch(/\|/)
  })

  test.each(patterns)("%s is read by ECMAScript, PCRE2, RE2, Java and Python", (pattern) => {
    // Only classes, quantifiers and syntax common to all dialects: no \u or \x, no look-around, no delimiter.
    expect(pattern.replaceAll(/\\[sS]|[A-Za-z0-9!~{},^$*[\]_-]/g, "")).toBe("")
    expect(new RegExp(pattern, "u").source).toBe(pattern)
    for (const [, times] of pattern.matchAll(/\{(?:\d+,)?(\d+)\}/g)) expect(Number(times)).toBeLessThanOrEqual(1_000)
  })

  test.each(["ApplicationInput", "MessageInput", "SearchInput"])("of %s take what is not blank to trim()", (name) => {
    const { name: text, body, query } = schemas[name].properties
    const pattern = new RegExp((text ?? body ?? query).pattern, "u")
    const wrong: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue
      const character = String.fromCodePoint(code)
      if (pattern.test(character) !== (character.trim() !== "")) wrong.push(code.toString(16))
    }
    expect(wrong).toEqual([])
    for (const text of [" \n a\n\n", "a b", "\u2028\ufeffx \u00a0"]) expect(pattern.exec(text)?.[0]).toBe(text)
    expect(pattern.test(" \t\u3000\n".repeat(2_500))).toBe(false)
  })
})

/** Returns the operation behind an id of the document. */
const operationOf = (id: string) =>
  OPERATIONS.find((operation) => operation.id === id) ??
  OPERATIONS.find(({ id: first }) => id.startsWith(`${first}-by-`))
const withQuery = OPERATIONS.filter(({ query, isHidden }) => query && !isHidden).map(({ id }) => id)
const ofOperations = OPERATIONS.flatMap(({ body, answer }) => [body, answer.schema])
/** All schemas with an id, wherever they are declared. */
const NAMED = new Map(
  [...Object.values<unknown>(contract), ...ofOperations].flatMap((one) => {
    const id = (one as ZodType | undefined)?.meta?.()?.id
    return typeof id === "string" ? [[id, one as ZodObject<Record<string, ZodType>>] as const] : []
  }),
)
const errorOf = (schema: ZodType | undefined, value: unknown) => schema?.safeParse(value).error?.issues

describe("the examples of the OpenAPI document", () => {
  test("stand beside each parameter but a cursor, and a page and the ends of a range where there is a query", () => {
    const without = operations.flatMap(({ operationId, parameters = [] }) =>
      parameters
        .filter((parameter: Json) => parameter.example === undefined)
        .map(({ name }: Json) => [operationId, name]),
    )
    const cursors = withQuery.map((id) => [id, "cursor"])
    const ofList = ["page", "after", "before"].map((name) => ["list-messages", name])
    expect(without.sort()).toEqual([...cursors, ...ofList].sort())
  })

  test("of parameters fit what checks them, each alone and those of a query string together", () => {
    const checked = new Set<string>()
    for (const { operationId, parameters = [] } of operations) {
      const query: Record<string, string> = {}
      for (const { name, in: place, example } of parameters) {
        const { params, query: sent, idempotencyKey: header } = operationOf(operationId) ?? {}
        const schema = { path: params?.shape[name], query: sent?.shape[name], header }
        // What If-Match and If-None-Match may be is HTTP's.
        if (example === undefined || /^If-/.test(name)) continue
        if (place === "query") query[name] = String(example)
        expect([operationId, name, errorOf(schema[place as "path"], String(example))]).toEqual([
          operationId,
          name,
          undefined,
        ])
        expect(schema[place as "path"]).toBeDefined()
      }
      if (Object.keys(query).length === 0) continue
      checked.add(operationId)
      expect([operationId, errorOf(operationOf(operationId)?.query, query)]).toEqual([operationId, undefined])
    }
    expect([...checked].sort()).toEqual(withQuery.sort())
  })

  test("of bodies stand beside each, and fit what checks them", () => {
    const bodies = operations.flatMap(({ requestBody }) =>
      requestBody ? [requestBody.content["application/json"]] : [],
    )
    expect(bodies).toHaveLength(12)
    for (const { schema, example } of bodies) {
      const check = NAMED.get(schema.$ref.split("/").at(-1))
      expect([check === undefined, errorOf(check, example)]).toEqual([false, undefined])
    }
  })

  test("of members fit what the members are", () => {
    let count = 0
    for (const [name, schema] of NAMED)
      for (const [member, { examples = [] }] of Object.entries<Json>(schemas[name].properties))
        for (const example of examples) {
          count++
          const { shape } = schema
          expect([name, member, errorOf(shape[member], example)]).toEqual([name, member, undefined])
        }
    expect(count).toBeGreaterThan(50)
  })
})
