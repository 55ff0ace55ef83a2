// Whatever a client sends, an endpoint answers without throwing or a 5xx, and no problem repeats anything of it.
import { expect, test } from "@jest/globals"
import fc from "fast-check"
import { type Call, invoke } from "../../test/steps/gateway-event.ts"
import { ApplicationInput, ApplicationPath, IdempotencyKey } from "../contract.ts"
import { ERROR_CODES, type ErrorCode } from "../errors.ts"
import { endpoint } from "./endpoint.ts"
import { ListQuery } from "./pages.ts"
import { created } from "./reply/entity-tag.ts"

const RUNS = 2_000
const APPLICATION = { token: "", name: "x", chats_count: 0, created_at: "", updated_at: "" }
const REFUSALS: ErrorCode[] = [
  "malformed_json",
  "unauthorized",
  "not_found",
  "body_too_large",
  "unsupported_media_type",
  "invalid_request",
]

const creating = endpoint(
  {
    params: ApplicationPath,
    query: ListQuery,
    body: ApplicationInput,
    idempotencyKey: IdempotencyKey,
    administers: true,
  },
  () => created(APPLICATION, "/", false),
  async () => ["a-key-of-the-operator-that-nobody-guesses"],
)

const text = fc.string({ unit: "binary", maxLength: 40 })
/** Draws mostly values that pass a check, so that the next one is reached, too. */
const orAny = (...likely: [string, ...string[]]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(likely[0]) },
    { weight: 3, arbitrary: fc.constantFrom(...likely) },
    { weight: 1, arbitrary: text },
  )

const headers = fc.record(
  {
    "content-type": orAny("application/json", "application/json; charset=utf-8", "a/b+json", ";;;"),
    "content-length": orAny("12", "0", "-1", "1e9", "NaN"),
    "content-encoding": orAny("identity", "gzip"),
    "idempotency-key": orAny("a-key", "", " "),
    "x-request-id": orAny("own-id"),
    "x-forwarded-for": orAny("192.0.2.7, 192.0.2.8", ",,,"),
    authorization: orAny("Bearer a-key-of-the-operator-that-nobody-guesses", "Bearer ", "Basic eDp5"),
    "x-api-key": orAny("a-key-of-the-operator-that-nobody-guesses", "", "x"),
  },
  { requiredKeys: [] },
)

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc.json().map((json) => Buffer.from(json)),
  orAny('{"name":"x"}', '{"name":"\\ud800"}', '{"name":{"__proto__":[]}}', "null", "\ufeff{}").map((one) =>
    Buffer.from(one),
  ),
)

const body = fc.tuple(bytes, fc.boolean()).map(([sent, isBase64Encoded]) => ({
  body: sent.toString(isBase64Encoded ? "base64" : "utf8"),
  isBase64Encoded,
}))

const call: fc.Arbitrary<Call> = fc
  .record({
    method: orAny("POST", "GET"),
    path: text,
    pathParameters: fc.record({ token: orAny("abcdefghijklmnopqrstuvwx") }),
    queryString: orAny("", "limit=5", "limit=5&limit=6", "cursor=%00", "__proto__=1", "page=9&limit=100"),
    headers,
    body: fc.option(body, { nil: {} }),
  })
  .map(({ body: sent, ...rest }) => ({ ...rest, ...sent }))

test("any bytes and headers: are answered with 201 or a problem of the contract that tells nothing of the inside", async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(call, async (request) => {
      const { status, headers: told, body: answer, text: whole = "" } = await invoke(creating, request)
      seen.add(status === 201 ? "created" : answer.code)
      if (status === 201) return
      expect(REFUSALS).toContain(answer.code)
      expect(status).toBe(ERROR_CODES[answer.code as ErrorCode].status)
      expect(told["content-type"]).toBe("application/problem+json")
      expect(whole).not.toMatch(/\bat .*\.[jt]s|node_modules|ZodError|SyntaxError/)
    }),
    { numRuns: RUNS },
  )
  // The drawn requests reach every check.
  expect([...seen].sort()).toEqual(
    ["created", "invalid_request", "malformed_json", "not_found", "unauthorized", "unsupported_media_type"].sort(),
  )
})
