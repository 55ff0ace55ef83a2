// Puts the stack under load before anything is measured.
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { ask, createChats, creationIn } from "./load.ts"
import type { BenchStack } from "./stack.ts"

/**
 * ElasticMQ and Elasticsearch compile their code during the first minute under load, which takes half of their
 * processor time, a sixth of the machine.
 */
const SECONDS = 60
const SECONDS_MIN = 5
const CONNECTIONS = 64
const APPLICATIONS = 32
const QUIET_LIMIT_MS = 300_000

/** Creates messages for a minute times `scale`, and waits until all are stored. */
export async function warmUp({ apiUrl, direct }: Pick<BenchStack, "apiUrl" | "direct">, scale: number): Promise<void> {
  const asked = (await createChats(apiUrl, APPLICATIONS)).map(creationIn)
  await ask(apiUrl, asked, { connections: CONNECTIONS, seconds: Math.max(SECONDS_MIN, SECONDS * scale) })
  await awaitQuiet(direct, QUIET_LIMIT_MS)
}
