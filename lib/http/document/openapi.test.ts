import { readFileSync } from "node:fs"
import { describe, expect, test } from "@jest/globals"
import { ERROR_CODES } from "../../errors.ts"
import { OPERATIONS, ROUTES } from "../../operations/routes.ts"
import { openapiDocument } from "./openapi.ts"

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of every shape
type Json = any

const document: Json = JSON.parse(JSON.stringify(openapiDocument()))

const operations: { path: string; method: string; operation: Json }[] = Object.entries<Json>(document.paths).flatMap(
  ([path, item]) => Object.entries<Json>(item).map(([method, operation]) => ({ path, method, operation })),
)
const byId = new Map(operations.map((entry) => [entry.operation.operationId, entry]))

/** Yields every object in the document. */
function* nodes(value: Json): Generator<Json> {
  if (typeof value !== "object" || value === null) return
  yield value
  for (const child of Object.values(value)) yield* nodes(child)
}

const resolve = (ref: string): Json =>
  ref
    .slice(2)
    .split("/")
    .reduce((at, key) => at?.[key], document)
const parameterNames = (operation: Json, place: string): string[] =>
  (operation.parameters ?? []).filter((parameter: Json) => parameter.in === place).map(({ name }: Json) => name)

describe("the OpenAPI document", () => {
  test("has every route and no other, each with its own id", () => {
    const shown = ROUTES.filter(({ isHidden }) => isHidden !== true)
    const routes = shown.flatMap(({ methods, path }) => methods.map((method) => `${method.toLowerCase()} ${path}`))
    expect(operations.map(({ path, method }) => `${method} ${path}`).sort()).toEqual(routes.sort())
    expect(byId.size).toBe(operations.length)
    for (const { function: name } of ROUTES) expect(byId.has(name)).toBe(true)
    expect(OPERATIONS.filter(({ id }) => !byId.has(id)).map(({ id }) => id)).toEqual(["get-docs-asset"])
  })

  test("has no reference that leads nowhere", () => {
    const refs = [...nodes(document)].filter((node) => typeof node.$ref === "string").map((node) => node.$ref)
    expect(refs.length).toBeGreaterThan(100)
    for (const ref of refs) expect([ref, resolve(ref)]).toEqual([ref, expect.any(Object)])
  })

  test("has no component that nothing refers to", () => {
    const used = new Set([...nodes(document)].map(({ $ref }) => $ref))
    for (const kind of ["schemas", "responses", "headers"])
      for (const name of Object.keys(document.components[kind]))
        expect([name, used.has(`#/components/${kind}/${name}`)]).toEqual([name, true])
  })

  test("has the version of the package", () => {
    expect(document.info.version).toBe(JSON.parse(readFileSync("package.json", "utf8")).version)
    expect(document.servers).toEqual([{ url: "/" }])
  })

  test("describes each operation and each tag", () => {
    for (const { operation } of operations)
      expect([operation.operationId, operation.description?.length > 10]).toEqual([operation.operationId, true])
    expect(document.tags).toHaveLength(5)
    for (const tag of document.tags) expect(tag).toEqual({ name: expect.any(String), description: expect.any(String) })
  })

  test("has one schema for each answer, which a search beside a list cannot split in two", () => {
    const contents = operations.flatMap(({ operation }) =>
      Object.values<Json>(operation.responses).flatMap(({ content = {} }) => Object.values<Json>(content)),
    )
    expect(contents.length).toBeGreaterThan(20)
    for (const { schema } of contents) expect(Object.keys(schema)).toEqual([expect.stringMatching(/^(?:\$ref|type)$/)])
    const { Message, MessageList, SearchHit, SearchResults } = document.components.schemas
    expect(byId.get("list-messages")?.operation.responses[200].content["application/json"].schema.$ref).toMatch(
      /MessageList$/,
    )
    expect([Message.properties.highlight, MessageList.properties.total]).toEqual(
      ["string", "integer"].map((type) => expect.objectContaining({ type })),
    )
    for (const name of ["highlight", "total"])
      expect([...Message.required, ...MessageList.required]).not.toContain(name)
    expect(SearchHit.required).not.toContain("highlight")
    expect(Object.keys(Message.examples[0])).toEqual(Message.required)
    expect(SearchResults.required).toContain("total")
  })

  test("has no schema that says nothing, but the one of this document", () => {
    for (const [name, schema] of Object.entries<Json>(document.components.schemas))
      expect([name, schema.properties !== undefined || name === "OpenApi"]).toEqual([name, true])
  })

  test("names each path's parameters, with a pattern or a range", () => {
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(parameterNames(operation, "path")).toEqual(inPath)
      for (const { in: place, required, schema } of operation.parameters ?? []) {
        if (place !== "path") continue
        expect(required).toBe(true)
        expect(schema.pattern ?? schema.minimum).toBeDefined()
      }
    }
  })

  test("says for each operation which errors it answers", () => {
    for (const { path, operation } of operations) {
      const statuses = Object.keys(operation.responses).map(Number)
      expect(statuses).toContain(500)
      if (path.includes("{")) expect(statuses).toContain(404)
      if (operation.requestBody) for (const status of [400, 413, 415, 422]) expect(statuses).toContain(status)
      if (parameterNames(operation, "query").length > 0) expect(statuses).toContain(422)
    }
    const { description, ...code } = document.components.schemas.Problem.properties.code
    expect(code).toEqual({ type: "string", examples: Object.keys(ERROR_CODES) })
  })

  test("says which operations take an admin key, and answer 401 without", () => {
    const names = ["create-application", "delete-application", "get-metrics", "list-applications", "update-application"]
    const keyed = operations.filter(({ operation }) => operation.security).map(({ operation }) => operation.operationId)
    expect(keyed.sort()).toEqual([...names, "update-application-by-patch"])
    for (const { operation } of operations) {
      expect([operation.operationId, "401" in operation.responses]).toEqual([
        operation.operationId,
        keyed.includes(operation.operationId),
      ])
      for (const scheme of (operation.security ?? []).flatMap(Object.keys))
        expect(document.components.securitySchemes).toHaveProperty(scheme)
    }
  })

  test("says how single resources are asked for and changed under a condition, and nothing else", () => {
    const conditional = operations.filter(({ operation }) =>
      Object.values<Json>(operation.responses).some(({ headers = {} }) => "etag" in headers),
    )
    expect(conditional.filter(({ method }) => method === "get").map(({ path }) => path)).toEqual(
      ["/applications/{token}", "/applications/{token}/chats/{number}"].concat(
        "/applications/{token}/chats/{chat_number}/messages/{number}",
      ),
    )
    for (const { path, method, operation } of operations) {
      const isOne = /\{(token|number)\}$/.test(path)
      const [header, status] = method === "get" ? ["If-None-Match", 304] : ["If-Match", 412]
      const named = [parameterNames(operation, "header").includes(String(header)), status in operation.responses]
      expect([operation.operationId, ...named]).toEqual([operation.operationId, isOne, isOne])
      if (method === "post") expect(conditional.some((one) => one.path === path)).toBe(!/\/(search|batch)$/.test(path))
    }
  })

  test("says which operations have rate limits: all but those about the system", () => {
    for (const { operation } of operations)
      expect([operation.tags[0] !== "operations", operation.operationId]).toEqual([
        "429" in operation.responses,
        operation.operationId,
      ])
  })

  test("links only to operations that take these parameters", () => {
    const links = operations.flatMap(({ operation }) =>
      Object.values<Json>(operation.responses).flatMap(({ links = {} }) => Object.values<Json>(links)),
    )
    expect(links.length).toBeGreaterThan(10)
    for (const { operationId, parameters } of links)
      expect(parameterNames(byId.get(operationId)?.operation, "path")).toEqual(Object.keys(parameters))
  })

  test("lets a chat be created and replaced and a sender be searched for without a body, and nothing else", () => {
    const optional = operations.filter(({ operation }) => operation.requestBody?.required === false)
    expect(optional.map(({ operation }) => operation.operationId)).toEqual([
      "create-chat",
      "update-chat",
      "search-messages-by-post",
      "search-application-messages-by-post",
    ])
  })
})
