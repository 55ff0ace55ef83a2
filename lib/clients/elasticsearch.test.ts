import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, test } from "@jest/globals"
import { connectElasticsearch } from "./elasticsearch.ts"

test("an API key that is refused: is told, and other errors are not", async () => {
  let status = 401
  const server = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" }).end("{}")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const told: unknown[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = connectElasticsearch(url, "a-key", (state, dependency) => told.push([state, dependency]))
  try {
    await expect(client.info()).rejects.toMatchObject({ statusCode: 401 })
    status = 503
    await expect(client.info()).rejects.toMatchObject({ statusCode: 503 })
    expect(told).toEqual([["refused", "elasticsearch"]])
  } finally {
    await client.close()
    server.close()
  }
})
