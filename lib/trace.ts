/**
 * DESIGN. Where a write comes from, and how it is followed: each request has an id and, if its caller sent a traceparent
 * (W3C Trace Context) or traces are on, a place in a trace. Both go with its events as their `origin`, through the
 * queues, into the log lines and spans of the consumers. Spans are made with the API of OpenTelemetry, which does nothing
 * unless a program has loaded its SDK (local/tracing.ts, or a layer of AWS Lambda); then a traceparent is only passed on.
 * Absent: tracestate, baggage, and the origin of what the relay sends, since the outbox does not hold it.
 */
import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api"

/** The request that an event comes from; members are named as in the event. */
export type Origin = { request_id: string; traceparent?: string | undefined }

/** The SDK's own limit for the links of a span. */
const LINKS_MAX = 128
/** Enough to find a request among those of a large batch, and a bound for the log line. */
const LOGGED_MAX = 100

/** Version, trace, span and flags; a later version may have more after them. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(text ?? "") ?? []
  const parsed = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
  return isSpanContextValid(parsed) && !(version === "00" && more !== undefined) ? parsed : undefined
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`
}

const tracer = () => trace.getTracer("chat-backend")

const below = (parent: SpanContext | undefined) =>
  parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)

/** Begins the span of a request. Without an SDK it stands for the caller's, if that sent a traceparent. */
export const beginRequest = (name: string, traceparent: string | undefined, attributes: Record<string, string>): Span =>
  tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, below(parseTraceparent(traceparent)))

export function endRequest(span: Span, status: number | undefined): void {
  if (status !== undefined) span.setAttribute("http.response.status_code", status)
  if (status === undefined || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** Runs as part of a span, below which others then begin theirs. */
export const within = <T>(span: Span, run: () => T): T => context.with(trace.setSpan(ROOT_CONTEXT, span), run)

/** Returns the origin of what a request writes. */
export function originOf(requestId: string, span: Span): Origin {
  const of = span.spanContext()
  return isSpanContextValid(of) ? { request_id: requestId, traceparent: traceparentOf(of) } : { request_id: requestId }
}

/** Returns the id of a span's trace, if it has one. */
export function traceIdOf(span: Span): string | undefined {
  const of = span.spanContext()
  return isSpanContextValid(of) ? of.traceId : undefined
}

/** Returns the origins of events that have one, each once. */
export function originsOf(events: readonly object[]): Origin[] {
  const origins = new Map<string, Origin>()
  for (const { origin } of events as readonly { origin?: Origin | undefined }[])
    if (origin) origins.set(`${origin.request_id} ${origin.traceparent}`, origin)
  return [...origins.values()]
}

/** Returns the members of a log line that name requests and traces, as many as it may hold. */
export function loggedOrigins(origins: readonly Origin[]): { request_ids?: string[]; trace_ids?: string[] } {
  const some = origins.slice(0, LOGGED_MAX)
  const requests = [...new Set(some.map(({ request_id }) => request_id))]
  const traces = new Set(some.flatMap(({ traceparent }) => parseTraceparent(traceparent)?.traceId ?? []))
  return { ...(requests.length > 0 && { request_ids: requests }), ...(traces.size > 0 && { trace_ids: [...traces] }) }
}

/** Runs a consumer's batch as a span: of the trace of all its events, or else of its own, with links to theirs. */
export async function inBatchSpan<T>(queue: string, origins: readonly Origin[], run: () => Promise<T>): Promise<T> {
  const parents = origins.flatMap(({ traceparent }) => parseTraceparent(traceparent) ?? [])
  const [first] = parents
  const isOne = parents.every(({ traceId }) => traceId === first?.traceId)
  const links = isOne ? [] : parents.slice(0, LINKS_MAX).map((parent) => ({ context: parent }))
  const attributes = {
    "messaging.system": "aws_sqs",
    "messaging.operation.type": "process",
    "messaging.destination.name": queue,
  }
  const options = { kind: SpanKind.CONSUMER, attributes, links }
  return ended(tracer().startSpan(`process ${queue}`, options, below(isOne ? first : undefined)), run)
}

/** Runs a scheduled job as a span. */
export const inJobSpan = <T>(name: string, run: () => Promise<T>): Promise<T> =>
  ended(tracer().startSpan(name, {}, ROOT_CONTEXT), run)

async function ended<T>(span: Span, run: () => Promise<T>): Promise<T> {
  try {
    return await within(span, run)
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}
