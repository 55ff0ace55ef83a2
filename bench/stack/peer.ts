/**
 * Another chat API that is compared with this one, as a file describes it: what makes a chat, and how a message is
 * created, listed and searched there. bench/peers/this.json is an example. Its servers are started by whoever compares.
 */
import { readFile } from "node:fs/promises"
import * as z from "zod"
import type { Asked } from "./load.ts"

const Request = z.strictObject({
  method: z.enum(["GET", "POST", "PUT"]).default("GET"),
  /** What stands in braces is replaced by what the setup took. */
  path: z.string().startsWith("/"),
  body: z.json().optional(),
})
const Step = z.strictObject({
  ...Request.shape,
  /** Names for values of the answer, each with the way to it: `data.id`. */
  take: z.record(z.string(), z.string()).default({}),
})
const Description = z.strictObject({
  name: z.string().min(1),
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string()).default({}),
  /** What makes one chat, in order. */
  setup: z.array(Step).default([]),
  create: Request,
  list: Request,
  search: Request,
})

export type Peer = z.infer<typeof Description>
type Values = Record<string, string>

/** Returns the text with values in the place of names in braces. Throws an Error for a name that was not taken. */
function fill(text: string, values: Values): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`{${name}} stands in "${text}", but the setup takes no "${name}"`)
    return value
  })
}

/** Returns a value of JSON with all of its texts filled. */
function fillAll(value: unknown, values: Values): unknown {
  if (typeof value === "string") return fill(value, values)
  if (Array.isArray(value)) return value.map((one) => fillAll(one, values))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fillAll(one, values)]))
}

/** Returns a request as a load sends it. */
export function askedOf({ headers }: Peer, { method, path, body }: z.infer<typeof Request>, values: Values): Asked {
  const text = body === undefined ? {} : { body: JSON.stringify(fillAll(body, values)) }
  return { method, path: fill(path, values), headers: fillAll(headers, values) as Values, ...text }
}

function takeFrom(answer: unknown, way: string, step: string): string {
  const value = way
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], answer)
  if (typeof value !== "string" && typeof value !== "number")
    throw new Error(`${step}: the answer has no text at "${way}"`)
  return String(value)
}

/** Makes a chat by the steps of the setup. Returns what they took. Throws an Error that names the step that failed. */
export async function makeChat(peer: Peer): Promise<Values> {
  const values: Values = {}
  for (const { take, ...request } of peer.setup) {
    const { method, path, body, headers } = askedOf(peer, request, values)
    const step = `${peer.name}, ${method} ${path}`
    const init = { method, headers: { "content-type": "application/json", ...headers }, ...(body && { body }) }
    const answer = await fetch(new URL(path, peer.url), init as RequestInit)
    if (!answer.ok) throw new Error(`${step}: answered ${answer.status}`)
    const json: unknown = await answer.json()
    for (const [name, way] of Object.entries(take)) values[name] = takeFrom(json, way, step)
  }
  return values
}

/** Reads a description. Throws an Error that names the file, and what is wrong in it. */
export async function readPeer(path: string): Promise<Peer> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new Error(`${path} cannot be read: ${error.message}`)
  })
  const parsed = Description.safeParse(parseJson(path, text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${path}: ${issue?.path.join(".") || "the description"}: ${issue?.message}`)
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`)
  }
}
