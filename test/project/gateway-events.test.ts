// How the functions read events as API Gateway's HTTP API makes them (payload format 2.0), in files that
// docs/gateway.md names.
import { readdir, readFile } from "node:fs/promises"
import { describe, expect, test } from "@jest/globals"
import type { APIGatewayProxyEventV2 } from "aws-lambda"
import * as z from "zod"
import { handler as rejectUnknownRoute } from "../../functions/reject-unknown-route.ts"
import { IdempotencyKey, MessagesPath } from "../../lib/contract.ts"
import { type EndpointHandler, endpoint } from "../../lib/http/endpoint.ts"
import { ok } from "../../lib/http/reply/replies.ts"
import { MessagesQuery } from "../../lib/http/searches.ts"
import { invocation } from "../steps/gateway-event.ts"

const FOLDER = new URL("../events/", import.meta.url)
const ROOT = new URL("../../", import.meta.url)

const recorded = async (name: string): Promise<APIGatewayProxyEventV2> =>
  JSON.parse(await readFile(new URL(`${name}.json`, FOLDER), "utf8"))

const answerTo = async (handler: EndpointHandler, event: APIGatewayProxyEventV2) => {
  const { statusCode, headers = {}, body } = await handler(event, invocation)
  return { status: statusCode, headers, body: body ? JSON.parse(body) : undefined }
}

/** An endpoint that answers with what it has read. */
const writing = endpoint({ body: z.looseObject({}), idempotencyKey: IdempotencyKey }, ({ body, idempotency }) =>
  ok({ body, idempotencyKey: idempotency?.key }),
)
const reading = endpoint({ params: MessagesPath, query: MessagesQuery }, (input) => ok(input))

const BODY = { body: "Grüße" }

describe("an event of API Gateway", () => {
  test("with a parameter twice: is refused by the name of the parameter", async () => {
    const { status, body } = await answerTo(reading, await recorded("repeated-parameter"))
    expect([status, body.errors]).toEqual([422, [{ in: "query", path: "limit", message: "must be given once" }]])
  })

  test("with + and %2B in its query: has a space and a plus", async () => {
    const { status, body } = await answerTo(reading, await recorded("plus-in-query"))
    expect([status, body.query]).toEqual([200, { query: "a b", from: "2026-11-01T00:00:00+01:00" }])
  })

  test.each(["text-body", "base64-body"])("%s: has its body, as text or as bytes", async (name) => {
    expect(await answerTo(writing, await recorded(name))).toMatchObject({ status: 200, body: { body: BODY } })
  })

  test.each(["text-body", "base64-body"])("%s: whose bytes were no UTF-8: is 400", async (name) => {
    const event = await recorded(name)
    const bytes = Buffer.from('{"body":"x\xe9"}', "latin1")
    const body = event.isBase64Encoded ? bytes.toString("base64") : bytes.toString("utf8")
    const headers = { ...event.headers, "content-length": String(bytes.length) }
    expect(await answerTo(writing, { ...event, headers, body })).toMatchObject({ status: 400 })
  })

  test("with a body and no type: is 415", async () => {
    expect(await answerTo(writing, await recorded("body-without-type"))).toMatchObject({ status: 415 })
  })

  test("with headers sent twice: has one key of both, and a request id of ours", async () => {
    const { status, body, headers } = await answerTo(writing, await recorded("repeated-headers"))
    expect([status, body]).toEqual([200, { body: BODY, idempotencyKey: "first,second" }])
    expect(headers["x-request-id"]).toBe(invocation.awsRequestId)
  })

  test("without a body: has an empty one, and its key", async () => {
    expect(await answerTo(writing, await recorded("no-body"))).toMatchObject({
      status: 200,
      body: { body: {}, idempotencyKey: "a-key" },
    })
  })

  test("that is a preflight: is answered by the function", async () => {
    const { status, headers } = await answerTo(rejectUnknownRoute, await recorded("preflight"))
    expect([status, headers["access-control-allow-origin"]]).toEqual([204, "*"])
  })

  test("that is refused: has the gateway's URL in its problem", async () => {
    const { body } = await answerTo(reading, await recorded("repeated-parameter"))
    expect(body.type).toBe("https://api1234567.execute-api.eu-central-1.amazonaws.com/problems/invalid_request")
  })
})

test("each event: stands in a row of docs/gateway.md, and the other way round", async () => {
  const page = await readFile(new URL("docs/gateway.md", ROOT), "utf8")
  const named = [...page.matchAll(/test\/events\/([a-z0-9-]+)\.json/g)].map(([, name]) => name)
  const files = (await readdir(FOLDER)).map((file) => file.replace(".json", ""))
  expect([...new Set(named)].sort()).toEqual(files.sort())
})
