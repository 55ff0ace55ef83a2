// Runs a fresh stack of docker-compose.yml, as `docker compose up --scale api=N` does.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { connectStores, type DirectStores } from "../../campaign/verdict/stores.ts"
import { LaunchFailure } from "../../local/failure.ts"
import { lockFolder } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { dockerAnswers } from "../../local/services/docker.ts"
import { requireFreePorts } from "../../local/services/probe.ts"
import {
  API_PORTS,
  portFrom,
  portsOf,
  portVariable,
  ROOT,
  SERVICE_NAMES,
  SERVICES,
  stackFolder,
} from "../../local/services/settings.ts"
import { publishedStores } from "../../test/steps/published-stores.ts"

const PROJECT = "chat-bench"
const FOLDER = stackFolder("bench")
/** Images may have to be built, and the first start of all servers takes minutes on a busy machine. */
const UP_LIMIT_MS = 900_000
const DOWN_LIMIT_MS = 180_000

export type ComposeStack = {
  /** The proxy's address. */
  apiUrl: string
  /** Direct access to the stores, past the API. */
  direct: DirectStores
  scaleTo(replicas: number): Promise<void>
  /** Calls `take` with each line that the running copies of the API have logged since `since`. */
  readApiLog(since: Date, take: (line: string) => void): Promise<void>
  stop(): Promise<void>
}

/** Starts the stack with one copy of the API. Throws LaunchFailure and leaves nothing running if that fails. */
export async function startComposeStack({ signal }: { signal: AbortSignal }): Promise<ComposeStack> {
  if (!(await dockerAnswers())) throw new LaunchFailure("No Docker engine with compose answers: start it.")
  const unlock = lockFolder(FOLDER)
  const ports = portsOf("bench", process.env)
  const port = portFrom(process.env, "CHAT_BENCH_API_PORT", API_PORTS.bench)
  const env = {
    ...Object.fromEntries(SERVICE_NAMES.map((name) => [portVariable("start", name), `${ports[name]}`])),
    PORT: `${port}`,
  }
  const files = ["-f", "docker-compose.yml", "-f", join("local", "compose.ports.yml")]
  const composeArgs = (args: string[]) => ["compose", "-p", PROJECT, ...files, ...args]
  const compose = (args: string[], timeoutMs: number) =>
    run("docker", composeArgs(args), {
      cwd: ROOT,
      env,
      logFile: join(FOLDER, "logs", "compose.log"),
      timeoutMs,
      signal,
    })
  const scaleTo = (replicas: number) =>
    compose(["up", "--detach", "--wait", "--scale", `api=${replicas}`], UP_LIMIT_MS).then(() => undefined)
  const down = () => compose(["down", "--volumes", "--remove-orphans", "--timeout", "1"], DOWN_LIMIT_MS)
  try {
    await down()
    await requireFreePorts([
      ...SERVICE_NAMES.map((name) => ({
        label: SERVICES[name].label,
        port: ports[name],
        variable: portVariable("bench", name),
      })),
      { label: "the API", port, variable: "CHAT_BENCH_API_PORT" },
    ])
    await compose(["build"], UP_LIMIT_MS)
    await scaleTo(1)
  } catch (error) {
    await down().catch(() => undefined)
    unlock()
    throw error
  }
  const direct = connectStores(publishedStores(ports))
  return {
    apiUrl: `http://127.0.0.1:${port}`,
    direct,
    scaleTo,
    async readApiLog(since, take) {
      const args = composeArgs(["logs", "--no-color", "--no-log-prefix", "--since", since.toISOString(), "api"])
      const child = spawn("docker", args, {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "ignore"],
      })
      const ended = once(child, "exit")
      for await (const line of createInterface({ input: child.stdout })) take(line)
      const [code] = await ended
      if (code !== 0) throw new Error(`docker compose logs ended with exit code ${code}`)
    },
    async stop() {
      await direct.close()
      await down().finally(unlock)
    },
  }
}
