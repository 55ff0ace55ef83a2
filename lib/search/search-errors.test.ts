import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Client } from "@elastic/elasticsearch"
import { describe, expect, test } from "@jest/globals"
import { givenAlias } from "../../test/steps/search-index.ts"
import { type FoldedQuery, fold } from "./folding/fold.ts"
import { type SearchRequest, searchIndex } from "./querying/query-index.ts"
import { isSearchAway, SearchIndexMissing } from "./search-errors.ts"

const TIMEOUT_MS = 20_000

describe("searchIndex: when it cannot answer", () => {
  const request: SearchRequest = {
    application: "a",
    chat: 1,
    query: fold("x") as FoldedQuery,
    order: "desc",
    after: null,
    limit: 20,
    timeoutMs: 300,
  }
  const attempt = (client: Client, query = "x") =>
    searchIndex(client, "messages", { ...request, query: fold(query) as FoldedQuery }).catch((error: unknown) => error)

  test("an alias without an index, searched, is a passing error of its own", async () => {
    const nothing = await givenAlias()
    const error = await searchIndex(nothing.client, nothing.alias, { ...request, timeoutMs: TIMEOUT_MS }).catch(
      (error) => error,
    )
    await nothing.remove()

    expect(error).toBeInstanceOf(SearchIndexMissing)
    expect(isSearchAway(error)).toBe(true)
  })

  test("a server that refuses the connection, searched, is a passing error", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))

    expect(isSearchAway(await attempt(new Client({ node: `http://127.0.0.1:${port}`, maxRetries: 0 })))).toBe(true)
  })

  test("a server that never answers, searched, is a passing error within the time given", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as AddressInfo
    const client = new Client({ node: `http://127.0.0.1:${port}`, maxRetries: 0 })
    const start = performance.now()

    const error = await attempt(client)

    expect(isSearchAway(error)).toBe(true)
    expect(performance.now() - start).toBeLessThan(5_000)
    await client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test("a query that folds to nothing, searched, is the caller's fault", async () => {
    const error = await attempt(new Client({ node: "http://127.0.0.1:9" }), "\u0301")

    expect(String(error)).toMatch("must be refused before")
    expect(isSearchAway(error)).toBe(false)
  })

  test("any other error, judged, is not a passing one", () => {
    expect(isSearchAway(new Error("anything else"))).toBe(false)
    expect(isSearchAway("not an error")).toBe(false)
  })
})
