// With a collector of OpenTelemetry's named in the environment, a message's way is one trace.
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { chatPath, expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { type RunningApi, useApiProject } from "../steps/running-api.ts"

/** Gathering, persisting, indexing and exporting, on a busy machine. */
const SPANS_LIMIT_MS = 30_000
const TRACES = [
  "0af7651916cd43dd8448eb211c80319c",
  "1af7651916cd43dd8448eb211c80319c",
  "2af7651916cd43dd8448eb211c80319c",
]
const CALLER = "b7ad6b7169203331"
const POST_MESSAGE = "POST /applications/{token}/chats/{chat_number}/messages"

type Span = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  links?: { traceId: string }[]
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[]
}
type Exported = {
  resourceSpans: { resource: { attributes: Span["attributes"] }; scopeSpans: { spans: Span[] }[] }[]
}

const { project } = useApiProject()
const exported: Exported[] = []
let collector: Server
let api: RunningApi

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    exported.push(JSON.parse(await text(request)) as Exported)
    response.writeHead(200, { "content-type": "application/json" }).end("{}")
  })
  await once(collector.listen(0, "127.0.0.1"), "listening")
  const { port } = collector.address() as AddressInfo
  api = await project().start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
})
afterAll(() => {
  collector.close()
})

const spans = (): Span[] =>
  exported.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  )
const spanOf = (traceId: string, name: string): Span => {
  const found = spans().find((span) => span.traceId === traceId && span.name === name)
  if (found === undefined) throw new Error(`no span ${name} of ${traceId} among ${spans().map((span) => span.name)}`)
  return found
}
const attribute = (span: Span, name: string) => {
  const { stringValue, intValue } = span.attributes.find(({ key }) => key === name)?.value ?? {}
  return stringValue ?? intValue
}

async function givenChat(): Promise<string> {
  const token = await api.chats.givenApplication()
  await api.chats.givenChat(token)
  // Persisted and indexed apart from what a test traces.
  await eventually(() => {
    expect(spans().filter(({ name }) => name === "process persist-writes").length).toBeGreaterThan(0)
  }, SPANS_LIMIT_MS)
  return token
}

const headersOf = (traceId: string, index: number) => ({
  traceparent: `00-${traceId}-${CALLER}-01`,
  "x-request-id": `r-${index}`,
})

test("a message that a caller traces: its request, persisting and indexing are in the caller's trace", async () => {
  const token = await givenChat()
  const [traceId = ""] = TRACES
  expectStatus(await api.chats.createMessage(token, 1, { body: "one" }, { headers: headersOf(traceId, 0) }), 201)
  await eventually(() => {
    const request = spanOf(traceId, POST_MESSAGE)
    expect(request.parentSpanId).toBe(CALLER)
    expect([attribute(request, "chat.request_id"), attribute(request, "faas.name")]).toEqual(["r-0", "create-message"])
    expect(attribute(request, "http.response.status_code")).toBe(201)
    const indexed = spanOf(traceId, "process index-messages")
    for (const span of [spanOf(traceId, "process persist-writes"), indexed])
      expect(span.parentSpanId).toBe(request.spanId)
    // Of Elasticsearch's client, which makes spans of its own.
    expect(spans().filter(({ parentSpanId }) => parentSpanId === indexed.spanId)).not.toEqual([])
  }, SPANS_LIMIT_MS)
  expect(JSON.stringify(exported)).not.toContain(token)
  const [{ resource } = { resource: { attributes: [] } }] = exported.flatMap(({ resourceSpans }) => resourceSpans)
  expect(resource.attributes).toContainEqual({ key: "service.name", value: { stringValue: "chat-backend" } })
})

test("messages of several traces in a batch: it has a trace of its own, with links to theirs", async () => {
  const token = await givenChat()
  await eventually(async () => {
    const created = TRACES.map((traceId, index) =>
      api.chats.call({
        method: "POST",
        path: `${chatPath(token, 1)}/messages`,
        json: { body: "several" },
        headers: headersOf(traceId, index),
      }),
    )
    for (const answer of await Promise.all(created)) expectStatus(answer, 201)
    await eventually(() => {
      const linked = spans().filter(({ links = [] }) => links.length === TRACES.length)
      for (const name of ["process persist-writes", "process index-messages"]) {
        const span = linked.find((one) => one.name === name)
        expect([name, span?.links?.map(({ traceId }) => traceId).sort()]).toEqual([name, TRACES])
        expect(TRACES).not.toContain(span?.traceId)
      }
    }, 5_000)
  }, SPANS_LIMIT_MS)
})
