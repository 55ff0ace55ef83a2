// Every operation of the API, as calls that succeed one after another.
import type { Method, Operation } from "../../lib/http/operation.ts"
import { OPERATIONS } from "../../lib/operations/routes.ts"
import { type ApiCall, expectStatus, type Transport } from "../../test/steps/chat-api.ts"
import { pathOf, type World } from "../../test/steps/world.ts"

export type Step = { name: string; operation: Operation; method: Method }

const QUERY = { query: "parcel" }
const SENDER = { sender: "nobody" }

/** Creations come first, from the application to the message; deletions come last, in the other order. */
function rank({ id, path }: Operation): number {
  if (id.startsWith("create-")) return path.length - 1_000
  return id.startsWith("delete-") ? 1_000 - path.length : 0
}

/** Returns every operation with each of its methods. */
export const steps = (): Step[] =>
  OPERATIONS.toSorted((one, other) => rank(one) - rank(other)).flatMap((operation) =>
    operation.methods.map((method) => ({ name: `${method} ${operation.path}`, operation, method })),
  )

function callOf({ operation, method }: Step, world: World): ApiCall {
  const { id, path, body, example } = operation
  const isSearch = path.endsWith("/search")
  return {
    method,
    path: pathOf(path, world),
    ...(body !== undefined && { json: isSearch ? QUERY : example }),
    ...(body === undefined && isSearch && { query: QUERY }),
    ...(id === "delete-messages" && { query: SENDER }),
  }
}

const isCreation = ({ operation }: Step, kind: string): boolean => operation.id === `create-${kind}`

/**
 * Makes each step's call and throws unless it has the status of the contract. `call` may depend on the step. Returns
 * the application, chat and message that were created, and deleted in the end.
 */
export async function walk(all: Step[], call: (step: Step) => Transport): Promise<World> {
  const world: World = { token: "", chat: 0, message: 0 }
  for (const step of all) {
    const answer = await call(step)(callOf(step, world)).catch((cause: unknown) => {
      throw new Error(`${step.name}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    })
    if (answer.status !== step.operation.answer.status)
      throw new Error(`${step.name}: ${answer.status} ${answer.text}, not ${step.operation.answer.status}`)
    const body = expectStatus(answer, step.operation.answer.status)
    if (isCreation(step, "application")) world.token = body.token
    if (isCreation(step, "chat")) world.chat = body.number
    if (isCreation(step, "message")) world.message = body.number
  }
  return world
}
