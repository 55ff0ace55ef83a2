import { methodsOf } from "../../lib/operations/routes.ts"
import type { Transport } from "../../test/steps/chat-api.ts"
import { gatewayEvent } from "../../test/steps/gateway-event.ts"
import { unknownToken } from "../../test/steps/world.ts"
import type { Aws } from "../emulator/clients.ts"
import { type Check, firstOf, same } from "../site.ts"
import { functionName } from "../stage/stack.ts"
import { steps, walk } from "../stage/walk.ts"

/** The emulator answers this path of every host itself, so its function is invoked without the gateway. */
const SHADOWED = "/health"

/** Returns a transport that invokes a function with the event that the gateway would send. */
function invoking({ lambda }: Aws, stage: string, name: string): Transport {
  return async ({ path, method = "GET" }) => {
    const Payload = Buffer.from(JSON.stringify(gatewayEvent({ path, method })))
    const { Payload: answer } = await lambda.invoke({ FunctionName: functionName(stage, name), Payload })
    const { statusCode, headers = {}, body } = JSON.parse(Buffer.from(answer ?? []).toString())
    return { status: statusCode, headers, text: body, body: JSON.parse(body) }
  }
}

export const operations: Check = {
  key: "operations",
  name: "each operation answers through the gateway with the status of the contract (/health: invoked, since the emulator has a /health of its own)",
  async run(site) {
    const { api, stage } = firstOf(site)
    const all = steps()
    const world = await walk(all, ({ operation }) =>
      operation.path === SHADOWED ? invoking(site.aws, stage.name, operation.id) : api.call,
    )
    site.confidential.add(world.token)
    return `${all.length} calls`
  },
}

type Refusal = [what: string, status: number, call: Parameters<Transport>[0]]

const REFUSALS: Refusal[] = [
  ["an unknown application", 404, { path: `/applications/${unknownToken()}` }],
  ["an unknown path", 404, { path: "/nowhere" }],
  ["a method that the path does not take", 405, { method: "DELETE", path: "/applications" }],
  ["a change of a search", 405, { method: "PATCH", path: `/applications/${unknownToken()}/chats/1/messages/search` }],
  ["a list of applications without a key", 401, { path: "/applications" }],
  [
    "a creation with another key",
    401,
    { method: "POST", path: "/applications", json: { name: "a" }, headers: { "x-api-key": unknownToken() } },
  ],
  ["an empty name", 422, { method: "POST", path: "/applications", json: { name: "" } }],
]

export const refusals: Check = {
  key: "refusals",
  name: "the gateway's callers get 401, 404, 405 and 422 where they should, as problems with a code",
  async run(site) {
    const { api, stranger } = firstOf(site)
    for (const [what, status, call] of REFUSALS) {
      const answer = await (status === 401 ? stranger : api.call)(call)
      same(what, [answer.status, answer.headers["content-type"]], [status, "application/problem+json"])
      if (typeof answer.body?.code !== "string") throw new Error(`${what}: has no code: ${answer.text}`)
      const allow = methodsOf(call.path).every((method) => String(answer.headers.allow).includes(method))
      if (status === 405 && !allow) throw new Error(`${what}: Allow is ${answer.headers.allow}`)
    }
    return `${REFUSALS.length} calls`
  },
}
