import { join } from "node:path"
import type { PortClaim } from "./services/probe.ts"
import { ROOT } from "./services/settings.ts"
import { type Supervised, type Supervision, supervise } from "./supervisor.ts"

/** serverless-offline with its bundling takes 3 to 10 s, four times that on a busy machine. */
const READY_LIMIT_MS = 60_000
/** Batches of the queues in flight are given 10 s to finish, HTTP calls 5 s after that. */
const STOP_LIMIT_MS = 16_000
const HEALTH_LIMIT_MS = 2000

export type ApiOptions = Supervision & {
  port: number
  env: Record<string, string>
  /** A copy of the project to run, for one beside another: they would share the folder of the bundles. */
  projectFolder?: string
}

/** The ports that an API on this port takes. */
export const apiPorts = (port: number): PortClaim[] => [{ label: "the API", port, variable: "PORT" }]

/**
 * Under the emulator a handler that cannot even be loaded answers 200 as well, with the error as its body. Readiness is
 * asked for as well, whatever it says: that loads the drivers, which the first request would have to wait for otherwise.
 */
const answersHealth = async (port: number) => {
  const ask = (path: string) =>
    fetch(`http://localhost:${port}${path}`, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) })
  const answer = await ask("/health")
  if (!answer.ok || (await answer.text()).includes('"errorMessage"')) return false
  await ask("/health/ready")
  return true
}

/**
 * Starts the API in serverless-offline and resolves once GET /health answers; it is started again when it ends.
 * @throws LaunchFailure with the end of its log when it does not come up.
 */
export const startApi = (options: ApiOptions): Promise<Supervised> => {
  const { port, env, projectFolder = ROOT } = options
  return supervise(
    {
      name: "api",
      label: "API",
      command: process.execPath,
      args: [join(ROOT, "node_modules", ".bin", "serverless"), "offline", "start", "--stage", "local"],
      cwd: projectFolder,
      env: {
        ...env,
        PORT: `${port}`,
        // This process lives on after an answer, unlike an instance of AWS Lambda.
        ANSWER_BEFORE_SEND: process.env.ANSWER_BEFORE_SEND ?? "true",
        // Its own lines for each request cost as much as the request.
        SLS_LOG_LEVEL: process.env.SLS_LOG_LEVEL ?? "error",
        SLS_NOTIFICATIONS_MODE: "off",
        SLS_TELEMETRY_DISABLED: "1",
      },
      isReady: () => answersHealth(port),
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: STOP_LIMIT_MS,
    },
    options,
  )
}
