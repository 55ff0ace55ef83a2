import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Client } from "@elastic/elasticsearch"
import { describe, expect, test } from "@jest/globals"
import { givenAlias, givenIndex } from "../../test/steps/search-index.ts"
import { type FoldedQuery, fold } from "./folding/fold.ts"
import { type SearchRequest, searchIndex } from "./querying/query-index.ts"
import { isRefusedForGood, isSearchAway, SearchIndexMissing } from "./search-errors.ts"

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

  test("a closed index, searched, is a passing error", async () => {
    const given = await givenIndex()
    await given.client.indices.close({ index: given.alias })
    const error = await searchIndex(given.client, given.alias, { ...request, timeoutMs: TIMEOUT_MS }).catch(
      (error) => error,
    )
    await given.client.indices.open({ index: given.alias })
    await given.remove()

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

describe("isRefusedForGood", () => {
  test.each([
    [400, "document_parsing_exception", true],
    [400, "illegal_argument_exception", true],
    // An operator has closed the index.
    [400, "index_closed_exception", false],
    // The key may not write to this index.
    [403, "security_exception", false],
    [403, "cluster_block_exception", false],
    // A node that was restarted is up before its shards are.
    [404, "shard_not_found_exception", false],
    [429, "es_rejected_execution_exception", false],
    [500, "translog_exception", false],
    [503, "unavailable_shards_exception", false],
  ])("a document answered %i %s, judged, is refused for good: %s", (status, type, forGood) => {
    expect(isRefusedForGood({ status, type })).toBe(forGood)
  })
})
