import { join } from "node:path"
import type { PortClaim } from "./services/probe.ts"
import { ROOT } from "./services/settings.ts"
import { type Supervised, type Supervision, supervise } from "./supervisor.ts"

/** serverless-offline with its bundling takes 3 to 10 s, four times that on a busy machine. */
const READY_LIMIT_MS = 60_000
/** Queue batches in flight get 10 s to finish, then HTTP calls get 5 s. */
const STOP_LIMIT_MS = 16_000
const HEALTH_LIMIT_MS = 2000

export type ApiOptions = Supervision & {
  port: number
  env: Record<string, string>
  /** A copy of the project, for a second API at the same time: in one folder their bundles would collide. */
  projectFolder?: string
}

/** Returns the ports that an API on this port takes. */
export const apiPorts = (port: number): PortClaim[] => [{ label: "the API", port, variable: "PORT" }]

/** Returns whether GET /health succeeds. GET /health/ready, whatever it answers, loads the drivers for the first request. */
const answersHealth = async (port: number) => {
  const ask = (path: string) =>
    fetch(`http://localhost:${port}${path}`, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) })
  if (!(await ask("/health")).ok) return false
  await ask("/health/ready")
  return true
}

/** Returns the arguments of Node.js that run the API, which waits for a debugger's connection where CHAT_INSPECT says. */
export const apiArguments = ({ CHAT_INSPECT }: Record<string, string | undefined> = process.env): string[] => [
  ...(CHAT_INSPECT ? [`--inspect=${CHAT_INSPECT}`, "--enable-source-maps"] : []),
  "--import",
  join(ROOT, "local", "tracing.ts"),
  join(ROOT, "node_modules", ".bin", "serverless"),
  ...["offline", "start", "--stage", "local"],
]

/**
 * Starts the API in serverless-offline, resolves once GET /health answers, and restarts it whenever it exits.
 * @throws LaunchFailure with the end of its log when it does not come up.
 */
export const startApi = (options: ApiOptions): Promise<Supervised> => {
  const { port, env, projectFolder = ROOT } = options
  return supervise(
    {
      name: "api",
      label: "API",
      command: process.execPath,
      args: apiArguments(),
      cwd: projectFolder,
      env: {
        ...env,
        PORT: `${port}`,
        // This process lives on after an answer, unlike an instance of AWS Lambda.
        ANSWER_BEFORE_SEND: process.env.ANSWER_BEFORE_SEND ?? "true",
        // Its log lines for each request cost as much as the request itself.
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
