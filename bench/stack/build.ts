// A build of the project in a folder of its own, and its stack as its users start it: `npm start`.
import { existsSync } from "node:fs"
import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseEnv } from "node:util"
import { processesOfGroup, processGroup, processorMsOf, rssBytesOf } from "../../campaign/targets/process-group.ts"
import type { Server } from "../../campaign/targets/target.ts"
import { apiPorts } from "../../local/api.ts"
import { LaunchFailure } from "../../local/failure.ts"
import { recordedProcess } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { requireFreePorts } from "../../local/services/probe.ts"
import { API_PORTS, portVariable, ROOT, SERVICE_NAMES, SERVICES } from "../../local/services/settings.ts"
import { type Supervision, supervise } from "../../local/supervisor.ts"
import { type Bundle, unpackBundles } from "./bundles.ts"

/** Packages of another lock file are installed first. */
const READY_LIMIT_MS = 600_000
const STOP_LIMIT_MS = 60_000
/** The commits of a time when the emulator had a second port took it from LAMBDA_PORT. */
const LAMBDA_PORT_OFFSET = 2
/** Between the ports of two builds that run side by side. */
const PORTS_APART = 100
const REST_POLL_MS = 500
const READY_POLL_MS = 50
/** Servers at rest use a twentieth of this; storing and indexing use more. */
const REST_SHARE_OF_A_CORE = 0.2
const REST_LIMIT_MS = 120_000

export const BUILD_SERVERS = ["api", ...SERVICE_NAMES] as const
export type BuildServer = (typeof BUILD_SERVERS)[number]

export type Build = {
  name: string
  apiUrl: string
  bundles: Bundle[]
  /** The variables that lead to the stores. */
  env: Record<string, string>
  /** The processes of its API and consumers. */
  api: Server
  /** Whether its consumers read packs of events. */
  packs: boolean
  /** Returns the milliseconds of processor time that its servers, or one of them, have used since their start (Linux only). */
  processorMs(kind?: BuildServer): number
  /** Returns the bytes of memory that all of its servers have resident. */
  rssBytes(): number
  /** Stops it in order and starts it again with its data. Returns the seconds until it is ready. */
  restart(): Promise<number>
  /** Throws LaunchFailure once the run is to end. */
  throwIfStopped(): void
  stop(): Promise<void>
}

/**
 * Lays out a commit, or the working tree if none is given, in `folder`.
 * @throws LaunchFailure when git does not know the commit.
 */
async function layOut(folder: string, commit?: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, ".data"), { recursive: true })
  if (commit === undefined) {
    const files = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT })
    for (const file of files.split("\0").filter((name) => name && existsSync(join(ROOT, name))))
      await cp(join(ROOT, file), join(folder, file))
  } else {
    const archive = join(folder, ".data", "commit.tar")
    await run("git", ["archive", "--format=tar", `--output=${archive}`, commit], { cwd: ROOT })
    await run("tar", ["-xf", archive, "-C", folder])
  }
  await mkdir(join(ROOT, ".data", "native"), { recursive: true })
  await symlink(join(ROOT, ".data", "native"), join(folder, ".data", "native"))
  const lockOf = (root: string) => readFile(join(root, "package-lock.json"), "utf8")
  if ((await lockOf(folder)) === (await lockOf(ROOT)))
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
  else await run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund"], { cwd: folder })
}

type BuildOptions = Omit<Supervision, "folder"> & { name: string; commit?: string; place: number }

/**
 * Lays out a build, packs its functions and starts its stack with an empty database. `place` chooses its ports.
 * @throws LaunchFailure that says what is wrong; nothing is left running then.
 */
export async function startBuild({ name, commit, place, ...supervision }: BuildOptions): Promise<Build> {
  const folder = join(ROOT, ".data", "versus", name)
  const port = API_PORTS.bench + place * PORTS_APART
  // Another server there would be taken for this one.
  await requireFreePorts(apiPorts(port))
  await layOut(folder, commit)
  const bundles = await unpackBundles(folder, join(folder, ".data", "bundles"))
  const ownPorts = SERVICE_NAMES.map((service) => [
    portVariable("start", service),
    `${SERVICES[service].ports.bench + place * PORTS_APART}`,
  ])
  // A server that the environment names would be shared by both.
  const noneGiven = SERVICE_NAMES.map((service) => [SERVICES[service].urlVariable, ""])
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok
  const api = await supervise(
    {
      name: "stack",
      label: `The stack of ${name}`,
      command: process.execPath,
      args: [join("local", "start.mjs")],
      cwd: folder,
      env: {
        ...Object.fromEntries([...ownPorts, ...noneGiven]),
        CHAT_SERVICES: "native",
        PORT: `${port}`,
        LAMBDA_PORT: `${port + LAMBDA_PORT_OFFSET}`,
        LOG_LEVEL: "WARN",
      },
      isReady,
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: STOP_LIMIT_MS,
    },
    { ...supervision, folder: join(folder, ".data", "versus") },
  )
  const stackFolder = join(folder, ".data", "start")
  const pidOf = (kind: string): number => {
    const pid = recordedProcess(stackFolder, kind)
    if (pid === undefined) throw new Error(`${kind} of ${name} is down`)
    return pid
  }
  const env = await readFile(join(stackFolder, "services.env"), "utf8").catch(async (error: unknown) => {
    await api.stop()
    throw error
  })
  return {
    name,
    apiUrl: `http://127.0.0.1:${port}`,
    bundles,
    env: parseEnv(env) as Record<string, string>,
    api: processGroup(
      { name: "api", kind: "api" },
      () => recordedProcess(stackFolder, "api"),
      () => {},
    ),
    packs: existsSync(join(folder, "lib", "queue", "packs.ts")),
    processorMs: (kind) =>
      processorMsOf((kind ? [kind] : BUILD_SERVERS).flatMap((one) => processesOfGroup(pidOf(one)))),
    rssBytes: () => rssBytesOf(BUILD_SERVERS.flatMap((kind) => processesOfGroup(pidOf(kind)))) ?? Number.NaN,
    async restart() {
      await api.restart()
      return secondsUntil(isReady)
    },
    throwIfStopped() {
      if (supervision.signal?.aborted) throw new LaunchFailure("Stopped before the end.")
    },
    stop: api.stop,
  }
}

async function secondsUntil(isReady: () => Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (!(await isReady().catch(() => false))) {
    if (performance.now() - started > READY_LIMIT_MS) throw new Error("a stack did not start again")
    await sleep(READY_POLL_MS)
  }
  return (performance.now() - started) / 1000
}

/** Waits until nothing is stored or indexed any more, which the stores of another commit cannot be asked for. */
export async function untilAtRest(builds: readonly Build[]): Promise<void> {
  const limit = performance.now() + REST_LIMIT_MS
  const usedMs = () => builds.reduce((sum, build) => sum + build.processorMs(), 0)
  for (let quiet = 0, last = usedMs(); quiet < 2; ) {
    if (performance.now() > limit) throw new Error("the servers did not come to rest")
    await sleep(REST_POLL_MS)
    for (const build of builds) build.throwIfStopped()
    const now = usedMs()
    quiet = now - last < REST_POLL_MS * REST_SHARE_OF_A_CORE * builds.length ? quiet + 1 : 0
    last = now
  }
}
