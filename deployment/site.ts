// What the checks share: the emulator, the stages that are deployed on it, and what no log may show.
import type { Transport } from "../test/steps/chat-api.ts"
import { type ChatApi, chatApi } from "../test/steps/chat-api.ts"
import type { Aws } from "./emulator/clients.ts"
import type { Inventory } from "./emulator/inventory.ts"
import type { Emulator } from "./emulator/ministack.ts"
import { gatewayTransport } from "./stage/gateway.ts"
import { physicalIds, resourcesOf, type StackResource } from "./stage/stack.ts"
import type { Stage, StageOptions } from "./stage/stage.ts"
import type { Servers } from "./stage/stage-stores.ts"

export type Deployed = {
  stage: Stage
  resources: StackResource[]
  /** Calls the API with the stage's admin key. */
  api: ChatApi
  /** Calls the API without any key. */
  stranger: Transport
}

export type Site = {
  aws: Aws
  emulator: Emulator
  /** Holds the run's files. */
  folder: string
  servers: Servers
  stageOptions: Omit<StageOptions, "redisDatabase">
  signal: AbortSignal
  /** Tokens, bodies, names and keys that this run has used. */
  confidential: Set<string>
  /** What the account held before the first deployment, the operator's secret included. */
  before?: Inventory
  first?: Deployed
  /** A chat of the first stage whose messages no check has counted. */
  counted?: { token: string; chat: number }
  second?: Deployed
}

export type Check = {
  /** By which the command line names it. */
  key: string
  /** A sentence that holds if the check passes. */
  name: string
  /** Throws an Error that says what does not hold. Returns what was seen, in a few words. */
  run(site: Site): Promise<string>
}

/** Returns the first stage. Throws if its deployment has failed. */
export function firstOf({ first }: Site): Deployed {
  if (!first) throw new Error("not checked, since the stage is not deployed")
  return first
}

/** Looks at a stage after its deployment. */
export async function lookAt({ aws, emulator, confidential }: Site, stage: Stage): Promise<Deployed> {
  const resources = await resourcesOf(aws, stage.name)
  const [apiId = ""] = Object.values(physicalIds(resources, "AWS::ApiGatewayV2::Api"))
  const { MYSQL_URL, ADMIN_API_KEY, ELASTICSEARCH_API_KEY } = stage.secret()
  for (const secret of [MYSQL_URL, new URL(MYSQL_URL).password, ADMIN_API_KEY, ELASTICSEARCH_API_KEY])
    confidential.add(secret)
  const keyed: Transport = (call) =>
    gatewayTransport(emulator, apiId, { "x-api-key": stage.secret().ADMIN_API_KEY })(call)
  return { stage, resources, api: chatApi(keyed), stranger: gatewayTransport(emulator, apiId, {}) }
}

/** Throws an Error unless `seen` is `expected`, compared as JSON. */
export function same(what: string, seen: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(seen), JSON.stringify(expected)]
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`)
}

/** Returns a text that no other run and no other resource has. */
export function distinct(site: Site, text: string): string {
  const made = `${text} ${crypto.randomUUID()}`
  site.confidential.add(made)
  return made
}
