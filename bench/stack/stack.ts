import { processesOfGroup, processGroup, processorMsOf } from "../../campaign/targets/process-group.ts"
import type { Server, ServerKind } from "../../campaign/targets/target.ts"
import { connectStores, type DirectStores } from "../../campaign/verdict/stores.ts"
import { apiPorts, startApi } from "../../local/api.ts"
import { startMigrations } from "../../local/migrations.ts"
import { recordedProcess } from "../../local/processes.ts"
import type { Progress } from "../../local/progress.ts"
import { API_PORTS, portFrom } from "../../local/services/settings.ts"
import { startServices } from "../../local/services/start.ts"
import { copyProject } from "../../test/steps/project-copy.ts"
import { liveBytes, type ProfileNode, profiled } from "./inspector.ts"
import { addNoOp } from "./no-op.ts"

/** Offset from the API's port to that of its inspector, which is opened on demand. */
const INSPECTOR_PORT_OFFSET = 1

export type BenchStack = {
  apiUrl: string
  /** The variables with the URLs of the stores. */
  env: Record<string, string>
  /** Direct access to the stores, past the API. */
  direct: DirectStores
  server(kind: ServerKind): Server
  /** Returns the milliseconds of processor time that a server has used since its start (Linux only). */
  processorMs(kind: ServerKind): number
  /** Returns the API's live bytes after a garbage collection. */
  apiLiveBytes(): Promise<number>
  /** Runs `load`, and returns where the API's thread was meanwhile. */
  apiProfile(load: () => Promise<unknown>): Promise<ProfileNode[]>
  stop(): Promise<void>
}

type StackOptions = {
  progress: Progress
  signal: AbortSignal
  hurry: AbortSignal
  /** Another Redis than that of the services, by its URL and that of each of its nodes. */
  redis?: { url: string; nodeUrls: string[] }
}

/** Starts the stack. Throws LaunchFailure and leaves nothing running if that fails. */
export async function startBenchStack(options: StackOptions): Promise<BenchStack> {
  const port = portFrom(process.env, "CHAT_BENCH_API_PORT", API_PORTS.bench)
  const inspector = { label: "the API's inspector", port: port + INSPECTOR_PORT_OFFSET }
  const alsoUsed = [...apiPorts(port), inspector].map((claim) => ({ ...claim, variable: "CHAT_BENCH_API_PORT" }))
  const { redis, progress, signal, hurry } = options
  const services = await startServices({
    progress,
    signal,
    hurry,
    name: "bench",
    engine: "native",
    fresh: true,
    alsoUsed,
  })
  const { folder } = services
  const env = { ...services.env, ...(redis && { REDIS_URL: redis.url }) }
  const undo: (() => Promise<void>)[] = [services.stop]
  const takeDown = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const migrations = startMigrations(env, { signal })
    await progress.step("Migrations", () => migrations.apiMayStart)
    const project = await copyProject({ parent: folder })
    undo.push(project.remove)
    await addNoOp(project.folder)
    const apiEnv = { ...env, LOG_LEVEL: "WARN", NODE_OPTIONS: `--inspect-port=${inspector.port}` }
    const api = await progress.step(`API on port ${port}`, () =>
      startApi({ progress, signal, hurry, folder, port, env: apiEnv, projectFolder: project.folder }),
    )
    undo.push(api.stop)
    await migrations.ended
    const direct = connectStores(env, redis && (() => redis.nodeUrls))
    undo.push(direct.close)
    const server = (kind: ServerKind) =>
      processGroup(
        { name: kind, kind },
        () => recordedProcess(folder, kind),
        () => {},
      )
    const pidOf = (kind: ServerKind): number => {
      const pid = recordedProcess(folder, kind)
      if (pid === undefined) throw new Error(`${kind} is down`)
      return pid
    }
    return {
      apiUrl: `http://127.0.0.1:${port}`,
      env,
      direct,
      server,
      processorMs: (kind) => processorMsOf(processesOfGroup(pidOf(kind))),
      apiLiveBytes: () => liveBytes(pidOf("api"), inspector.port),
      apiProfile: (load) => profiled(pidOf("api"), inspector.port, load),
      stop: takeDown,
    }
  } catch (error) {
    await takeDown()
    throw error
  }
}
