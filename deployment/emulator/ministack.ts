/**
 * DESIGN. MiniStack stands in for AWS: CloudFormation, Lambda, API Gateway, SQS, EventBridge, Secrets Manager, IAM,
 * CloudWatch and S3 on one port. With AUTH=true it evaluates the policies of roles and queues for each call, and with
 * USE_SSL calls come over TLS, as the queues' policy demands.
 *
 * It differs from AWS where the checks say so, and in this: it takes `/health` of every host as its own, drops the CORS
 * configuration of an HTTP API, makes no alarms on metric math (within-limits.ts), has no StartMessageMoveTask, takes
 * an `itemIdentifier` of no message of the batch for success, where AWS fails the whole batch
 * (findings/ministack-batch-item-failures.sh), and does not validate every property.
 */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import type { IncomingMessage } from "node:http"
import { get } from "node:https"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { LaunchFailure } from "../../local/failure.ts"
import type { Progress } from "../../local/progress.ts"
import { run } from "../../local/run.ts"
import { ROOT } from "../../local/services/settings.ts"
import { type Program, type Supervision, supervise } from "../../local/supervisor.ts"

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt")
/** A cold start of Python takes seconds, more on a busy machine. */
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 5_000
const PROBE_LIMIT_MS = 2_000
/** The runtime of AWS sets this one, by which the functions know that they are in the cloud. */
const EXECUTION_ENVIRONMENT = "AWS_Lambda_nodejs24.x"

/** Returns the folder of the virtual environment, whose name covers the pinned versions. */
function environmentFolder(): string {
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12)
  return join(ROOT, ".data", "native", `ministack-${hash}`)
}

/**
 * Installs the emulator from PyPI unless it is there. Returns its folder.
 * @throws LaunchFailure when Python or the packages cannot be had.
 */
export async function installEmulator(progress: Progress, signal: AbortSignal): Promise<string> {
  const folder = environmentFolder()
  if (existsSync(folder)) return folder
  const building = `${folder}.building`
  await rm(building, { recursive: true, force: true })
  await mkdir(dirname(folder), { recursive: true })
  try {
    await progress.step("MiniStack from PyPI", async () => {
      await run("python3", ["-m", "venv", building], { signal })
      await run(join(building, "bin", "pip"), ["install", "--quiet", "--requirement", REQUIREMENTS], { signal })
      await rename(building, folder)
    })
  } catch (error) {
    const details = error instanceof LaunchFailure ? error.details : []
    throw new LaunchFailure("MiniStack could not be installed: python3 with venv and PyPI are needed.", details)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return folder
}

/** Returns whether the emulator answers, with the certificate that it makes at its start. */
async function answers(port: number, certificate: string): Promise<boolean> {
  const ca = readFileSync(certificate)
  const asked = get({ host: "127.0.0.1", port, path: "/_ministack/health", ca, timeout: PROBE_LIMIT_MS })
  const [answer] = (await once(asked, "response")) as [IncomingMessage]
  answer.resume()
  return answer.statusCode === 200
}

export type Emulator = {
  port: number
  endpoint: string
  /** The path of the certificate that its clients must trust. */
  certificate: string
  /** The path of its Python. */
  python: string
  stop(): Promise<void>
}

/** Starts an empty emulator on a port of 127.0.0.1. Its functions run with the Node.js of this process. */
export async function startEmulator(folder: string, port: number, supervision: Supervision): Promise<Emulator> {
  // Functions are unpacked there: outside the repository, whose package.json and node_modules they would see.
  const unpacked = await mkdtemp(join(tmpdir(), "chat-backend-functions-"))
  const python = join(folder, "bin", "python")
  const certificate = join(unpacked, "ministack-tls", "server.crt")
  const forget = () => rm(unpacked, { recursive: true, force: true })
  const program: Program = {
    name: "emulator",
    label: "MiniStack",
    // Not the script `ministack`, whose first line holds the path at which it was installed.
    command: python,
    args: ["-m", "ministack"],
    env: {
      AUTH: "true",
      USE_SSL: "true",
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: `${port}`,
      AWS_EXECUTION_ENV: EXECUTION_ENVIRONMENT,
      PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter),
      TMPDIR: unpacked,
    },
    isReady: () => answers(port, certificate),
    readyLimitMs: READY_LIMIT_MS,
    stopLimitMs: STOP_LIMIT_MS,
  }
  try {
    const { stop } = await supervise(program, supervision)
    const endpoint = `https://127.0.0.1:${port}`
    return { port, endpoint, certificate, python, stop: () => stop().finally(forget) }
  } catch (error) {
    await forget()
    throw error
  }
}
