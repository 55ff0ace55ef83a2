import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals"
import type { CloudFormationCustomResourceEvent, Context } from "aws-lambda"
import { DependencyAway } from "../errors.ts"
import { customResource } from "./custom-resource.ts"
import type { PrepareOptions } from "./prepare-stores.ts"

const STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/chat-backend-prod/5b1a0c60"
/** As in custom-resource.ts: when work is asked to stop, and when the answer is sent whatever goes on. */
const STOP_BEFORE_END_MS = 60_000
const ANSWER_BEFORE_END_MS = 20_000

type Answer = { request: Pick<IncomingMessage, "method" | "url" | "headers">; document: Record<string, string> }

const answers: Answer[] = []
/** The statuses with which the next answers are refused. */
let refusals: number[] = []
const server = createServer(async (request, response) => {
  const { method, url, headers } = request
  let text = ""
  for await (const part of request) text += part
  answers.push({ request: { method, url, headers }, document: JSON.parse(text) })
  response.writeHead(refusals.shift() ?? 200).end()
})

beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"))
afterAll(() => once(server.close(), "close"))
beforeEach(() => {
  answers.length = 0
  refusals = []
})

/** Calls the handler as CloudFormation does. Returns the answer that arrived last. */
async function call(
  prepare: (options: PrepareOptions) => Promise<string[]>,
  { type = "Create", leftMs = 900_000 } = {},
): Promise<Answer> {
  const event = {
    RequestType: type,
    ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?signature=s`,
    StackId: STACK,
    RequestId: "request-1",
    LogicalResourceId: "PrepareStores",
  } as CloudFormationCustomResourceEvent
  const context = { functionName: "prepare-stores", getRemainingTimeInMillis: () => leftMs } as Context
  await customResource(prepare)(event, context)
  return answers.at(-1) as Answer
}

const fails = (error: unknown) => async () => {
  throw error
}

test.each(["Create", "Update"])("%s: is answered with SUCCESS and its ids once the work is done", async (type) => {
  const { request, document } = await call(async () => ["done"], { type })
  expect(request).toMatchObject({ method: "PUT", url: "/answer?signature=s", headers: { "content-type": "" } })
  expect(document).toEqual({
    Status: "SUCCESS",
    Reason: expect.any(String),
    PhysicalResourceId: "prepared-stores",
    StackId: STACK,
    RequestId: "request-1",
    LogicalResourceId: "PrepareStores",
  })
})

test("Delete: does nothing, and is answered with SUCCESS and the same id", async () => {
  const { document } = await call(fails(new Error("called")), { type: "Delete" })
  expect(document).toMatchObject({ Status: "SUCCESS", PhysicalResourceId: "prepared-stores" })
})

const sqlError = Object.assign(new Error("Duplicate column 'secret' near 'alter table'"), {
  code: "ER_DUP_FIELDNAME",
  sqlState: "42S21",
  sql: "alter table secrets",
})
const searchError = Object.assign(new Error("mapper [secret] cannot be changed"), {
  name: "ResponseError",
  statusCode: 400,
  body: { error: { type: "illegal_argument_exception" } },
})

test.each([
  ["a statement that MySQL refuses", "tables", sqlError, "The tables (MySQL) could not be prepared: ER_DUP_FIELDNAME."],
  [
    "a mapping that is refused",
    "index",
    searchError,
    "The index (Elasticsearch) could not be prepared: 400 illegal_argument_exception.",
  ],
  ["an error of ours", "shards", new TypeError("secret"), "The shards (Redis) could not be prepared: TypeError."],
] as const)(
  "%s: is answered with FAILED, the part and the code, without the error's text",
  async (_, part, error, why) => {
    const { document } = await call(async ({ onPart }) => {
      onPart?.(part)
      throw error
    })
    expect(document).toMatchObject({ Status: "FAILED", PhysicalResourceId: "prepared-stores" })
    expect(document.Reason).toBe(`${why} The log of prepare-stores has more.`)
  },
)

test("a wrong configuration: is answered with FAILED and the names of the variables", async () => {
  const { document } = await call(fails(new Error("Wrong configuration. MYSQL_URL: Invalid input")))
  expect(document.Reason).toContain("The stores could not be prepared: Wrong configuration. MYSQL_URL: Invalid input.")
})

test("a reason of any length: leaves the answer below CloudFormation's 4,096 bytes", async () => {
  const { document } = await call(fails(new Error(`Wrong configuration. ${"é".repeat(5_000)}`)))
  expect(document.Reason).toMatch(/^The stores could not be prepared: Wrong/)
  expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThan(4_096)
})

test("a store that is away and returns: is prepared then", async () => {
  let attempts = 0
  const { document } = await call(async () => {
    if (++attempts === 1) throw new DependencyAway("mysql", new Error("connect ECONNREFUSED"))
    return []
  })
  expect([attempts, document.Status]).toEqual([2, "SUCCESS"])
})

test.each([
  [
    "mysql is away (ECONNREFUSED)",
    "mysql",
    Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:3306"), { code: "ECONNREFUSED" }),
  ],
  ["redis is away (WRONGPASS)", "redis", new Error("WRONGPASS invalid secret")],
] as const)(
  "a store that stays away until the end: is answered with FAILED, its name and the code: %s",
  async (why, store, cause) => {
    const { document } = await call(fails(new DependencyAway(store, cause)), { leftMs: STOP_BEFORE_END_MS + 100 })
    expect(document.Reason).toContain(`could not be prepared: ${why}.`)
  },
)

test("an index that takes too long: is stopped, and the reason says what to run", async () => {
  const { document } = await call(
    async ({ onPart, signal }) => {
      onPart?.("index")
      await sleep(STOP_BEFORE_END_MS, undefined, { signal: signal as AbortSignal })
      return []
    },
    { leftMs: STOP_BEFORE_END_MS + 100 },
  )
  expect(document).toMatchObject({ Status: "FAILED" })
  expect(document.Reason).toContain('Run "npm run ops -- reindex --stage prod" and deploy again.')
})

test("a migration that never ends: is answered with FAILED in time, and the reason says what to run", async () => {
  const { document } = await call(
    ({ onPart }) => {
      onPart?.("tables")
      return new Promise(() => undefined)
    },
    { leftMs: ANSWER_BEFORE_END_MS + 100 },
  )
  expect(document).toMatchObject({ Status: "FAILED" })
  expect(document.Reason).toContain('Run "npm run db:migrate -- --stage prod" and deploy again.')
})

test("an answer that is not taken: is sent again, and at last the function fails, so that it is called again", async () => {
  refusals = [503]
  await call(async () => [])
  expect(answers.map(({ document }) => document.Status)).toEqual(["SUCCESS", "SUCCESS"])
  refusals = [503, 503, 503]
  await expect(call(async () => [])).rejects.toThrow("status 503")
})
