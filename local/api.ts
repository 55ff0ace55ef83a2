import { join } from "node:path"
import type { PortClaim } from "./services/probe.ts"
import { ROOT } from "./services/settings.ts"
import { type Supervised, type Supervision, supervise } from "./supervisor.ts"

/** serverless-offline with its bundling takes 3 to 10 s, four times that on a busy machine. */
const READY_LIMIT_MS = 60_000
/** Batches of the queues in flight are given 10 s to finish, HTTP calls 5 s after that. */
const STOP_LIMIT_MS = 16_000
const HEALTH_LIMIT_MS = 2000
/** The emulator's own distance between its HTTP port and the one for Lambda calls by the SDK. */
const LAMBDA_PORT_OFFSET = 2

export type ApiOptions = Supervision & { port: number; env: Record<string, string> }

/** The ports that an API on this port takes. */
export const apiPorts = (port: number): PortClaim[] => [
  { label: "the API", port, variable: "PORT" },
  { label: "the API's Lambda calls", port: port + LAMBDA_PORT_OFFSET, variable: "PORT" },
]

/**
 * Starts the API in serverless-offline and resolves once GET /health answers; it is started again when it ends.
 * @throws LaunchFailure with the end of its log when it does not come up.
 */
export const startApi = (options: ApiOptions): Promise<Supervised> => {
  const { port, env } = options
  return supervise(
    {
      name: "api",
      label: "API",
      command: process.execPath,
      args: [
        join(ROOT, "node_modules", ".bin", "serverless"),
        ...[
          "offline",
          "start",
          "--stage",
          "local",
          "--httpPort",
          `${port}`,
          "--lambdaPort",
          `${port + LAMBDA_PORT_OFFSET}`,
        ],
      ],
      cwd: ROOT,
      env: { ...env, PORT: `${port}`, SLS_TELEMETRY_DISABLED: "1", SLS_NOTIFICATIONS_MODE: "off" },
      isReady: async () =>
        (await fetch(`http://localhost:${port}/health`, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) })).ok,
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: STOP_LIMIT_MS,
    },
    options,
  )
}
