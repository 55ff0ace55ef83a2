/**
 * Runs a fresh stack as processes of this machine in `.data/faults`. The API runs in a copy of the project, so that
 * `npm start` can run beside it, and reaches every store through a link. The supervisor reports each end, which is when
 * the append-only file of Redis is cut back, and restarts the server after a short, constant wait. Where file systems
 * can be mounted, each store's data is on a small one. Redis may be a cluster instead, whose nodes nothing restarts but
 * the fault that has killed one.
 */

import { rm } from "node:fs/promises"
import { join } from "node:path"
import { queueUrlsAt } from "../../lib/queue/queues.ts"
import { apiPorts, startApi } from "../../local/api.ts"
import { recordedProcess, stopLeftovers } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { API_PORTS, portFrom, portsOf, ROOT, SERVICES, stackFolder } from "../../local/services/settings.ts"
import { type Stack, startServices } from "../../local/services/start.ts"
import type { ProgramEnd, Supervision } from "../../local/supervisor.ts"
import { copyProject, type ProjectCopy } from "../../test/steps/project-copy.ts"
import type { RedisKind } from "../options.ts"
import { type WatchedAof, watchAof } from "./aof.ts"
import { clockEnvironment, writeClock } from "./clock.ts"
import { type FaultyCluster, startFaultyCluster } from "./cluster.ts"
import { unmountBelow } from "./disk.ts"
import { DISK_KINDS, type Disks, diskDataFolder, mountDisks } from "./disks.ts"
import { type Ends, endsOnFullDisk, trackEnds } from "./ends.ts"
import { type RunningLink, startLink } from "./link.ts"
import { processGroup } from "./process-group.ts"
import type { Link, LinkName, Server, Target, TargetOptions } from "./target.ts"

const RESTART_WAIT_MS = 500
/** A rewrite of the append-only file makes an attempt fail, but hardly three in a row. */
const ROLL_BACK_ATTEMPTS = 3
const STORES = ["redis", "mysql", "elasticmq", "elasticsearch"] as const
const OTHER_STORES = ["mysql", "elasticmq", "elasticsearch"] as const

export type NativeOptions = TargetOptions & { redis: RedisKind }

/** Holds the nodes of a cluster, on the small disk of Redis. */
const clusterFolder = () => join(diskDataFolder("redis"), "cluster")

/** Returns the supervisor's handler of ends, and how to roll Redis back between an end and the next start. */
const watchEnds = (disks: () => Disks | undefined) => {
  const ends = trackEnds((server) => endsOnFullDisk(server) && (disks()?.isFull(server) ?? false))
  let cutBack: (() => void) | undefined
  return {
    ends,
    onEnd({ name, pid, why }: ProgramEnd) {
      ends.ended(name, pid, why)
      if (name !== "redis") return
      cutBack?.()
      cutBack = undefined
    },
    /** Kills Redis and resolves, once its file is cut back, to the bytes removed; undefined if it could not be. */
    rollBack: (aof: WatchedAof, kill: () => Promise<void>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const at = performance.now()
        cutBack = () => resolve(aof.cutBack(at))
        kill().catch(reject)
      }),
  }
}

/** Returns one link of those to the nodes, whichever they are at the time. */
const linkToAll = ({ nodes }: FaultyCluster): RunningLink => {
  const links = () => nodes.nodes.map(nodes.linkTo)
  const each = async (act: (link: Link) => Promise<void>) => void (await Promise.all(links().map(act)))
  return {
    port: 0,
    isOpen: () => true,
    cut: () => each((link) => link.cut()),
    delay: (ms) => {
      for (const link of links()) link.delay(ms)
    },
    restore: () => each((link) => link.restore()),
    stop: async () => undefined,
  }
}

/** Starts a link before each store and returns them with the environment that leads through them. */
const linkStores = async (env: Record<string, string>, cluster: FaultyCluster | undefined) => {
  const links: Partial<Record<LinkName, RunningLink>> = {}
  const through: Record<string, string> = {}
  if (cluster) links.redis = linkToAll(cluster)
  for (const name of cluster ? OTHER_STORES : STORES) {
    const variable = SERVICES[name].urlVariable
    const url = new URL(env[variable] ?? "")
    const link = await startLink({ host: url.hostname, port: Number(url.port) })
    links[name] = link
    url.port = `${link.port}`
    through[variable] = url.href.replace(/\/$/, "")
  }
  return { links, through: { ...env, ...through, ...queueUrlsAt(through.SQS_ENDPOINT ?? "") } }
}

type Started = {
  stack: Stack
  cluster: FaultyCluster
  links: Partial<Record<LinkName, RunningLink>>
  project: ProjectCopy
  api: { stop(): Promise<void> }
  clockFile: string
}

/** Starts the servers, the links and the API; stops all of them again if one does not start. */
const bringUp = async (
  options: NativeOptions,
  supervision: Pick<Supervision, "onEnd">,
  prepare: () => Promise<void>,
) => {
  const { progress, signal, redis } = options
  const port = portFrom(process.env, "CHAT_FAULTS_API_PORT", API_PORTS.faults)
  const stack = await startServices({
    ...options,
    ...supervision,
    name: "faults",
    engine: "native",
    ports: portsOf("faults", process.env),
    alsoUsed: apiPorts(port).map((claim) => ({ ...claim, variable: "CHAT_FAULTS_API_PORT" })),
    restartWaitMs: RESTART_WAIT_MS,
    ...(redis !== "single" && { only: OTHER_STORES }),
    dataFolders: Object.fromEntries(DISK_KINDS.map((kind) => [kind, diskDataFolder(kind)])),
    prepare,
  })
  const started: Partial<Started> = { stack, clockFile: join(stack.folder, "clock-offset-ms") }
  try {
    if (redis !== "single") {
      const server = redis === "cluster" ? "redis" : "valkey"
      const start = () => startFaultyCluster({ folder: clusterFolder(), server, ...supervision })
      started.cluster = await progress.step(`A cluster of ${server}`, start)
      stack.env.REDIS_URL = started.cluster.url
    }
    await progress.step("Migrations", () =>
      run(process.execPath, [join("local", "migrate.ts")], { cwd: ROOT, env: stack.env, ...(signal && { signal }) }),
    )
    const { links, through } = await linkStores(stack.env, started.cluster)
    started.links = links
    started.project = await copyProject({ parent: stack.folder })
    const env = { ...through, ...clockEnvironment(started.clockFile as string), LOG_LEVEL: "WARN" }
    const projectFolder = started.project.folder
    started.api = await progress.step(`API on port ${port}`, () =>
      startApi({
        ...options,
        ...supervision,
        port,
        env,
        projectFolder,
        folder: stack.folder,
        restartWaitMs: RESTART_WAIT_MS,
      }),
    )
    links.client = await startLink({ host: "127.0.0.1", port })
    return started as Omit<Started, "cluster"> & { cluster?: FaultyCluster }
  } catch (error) {
    await takeDown(started, [])
    throw error
  }
}

/** Stops what was started, in reverse order, even if a step fails. */
const takeDown = async ({ stack, cluster, links, project, api }: Partial<Started>, servers: Server[]) => {
  // A frozen server would not react to a stop.
  await Promise.all(servers.map((server) => server.thaw()))
  const results = [
    ...(await Promise.allSettled([api?.stop(), ...Object.values(links ?? {}).map((link) => link.stop())])),
  ]
  results.push(...(await Promise.allSettled([stack?.stop(), cluster?.stop(), project?.remove()])))
  results.push(...(await Promise.allSettled([unmountBelow(stackFolder("faults"))])))
  const failed = results.find((result) => result.status === "rejected")
  if (failed) throw failed.reason
}

const nativeServersOf = (folder: string, ends: Ends, cluster: FaultyCluster | undefined): Server[] =>
  [...(cluster ? OTHER_STORES : STORES), "api" as const].map((kind) =>
    processGroup({ name: kind, kind }, () => recordedProcess(folder, kind), ends.willKill),
  )

/**
 * Starts a fresh stack of native servers.
 * @throws LaunchFailure that says what is wrong and what to do; it leaves nothing running.
 */
export const startNativeTarget = async (options: NativeOptions): Promise<Target> => {
  const folder = stackFolder("faults")
  let mounted: Disks | undefined
  const { ends, onEnd, rollBack } = watchEnds(() => mounted)
  const prepare = async () => {
    await stopLeftovers(clusterFolder())
    await unmountBelow(folder)
    await rm(folder, { recursive: true, force: true })
    mounted = await mountDisks()
  }
  const started = await bringUp(options, { onEnd }, prepare).catch(async (error: unknown) => {
    await unmountBelow(folder)
    throw error
  })
  const { cluster } = started
  const servers = nativeServersOf(folder, ends, cluster)
  const redis = servers.find(({ kind }) => kind === "redis")
  const aof = watchAof(join(diskDataFolder("redis"), "redis", "appendonlydir"))
  const links = started.links as Record<LinkName, RunningLink>
  const { disks = [], diskReason } = mounted ?? {}
  const apiUrl = `http://127.0.0.1:${links.client.port}`
  return {
    name: "native",
    apiUrl,
    copyUrls: [apiUrl],
    env: started.stack.env,
    servers,
    links,
    // A full disk ends every node, and nothing would start them again.
    disks: disks.filter(({ kind }) => cluster === undefined || kind !== "redis"),
    ...(cluster && { cluster }),
    ...(diskReason !== undefined && { diskReason }),
    setClock: (offsetMs) => writeClock(started.clockFile, offsetMs),
    async rollRedisBack() {
      if (!redis) throw new Error("the nodes of a cluster are not rolled back")
      for (let attempt = 1; attempt <= ROLL_BACK_ATTEMPTS; attempt++) {
        await aof.untilKnown(options.hurry)
        if ((await rollBack(aof, redis.kill)) !== undefined) return
      }
      throw new Error("Redis could not be rolled back: each time, its append-only file had just been rewritten")
    },
    unexplainedEnds: async () => ends.unexplained(),
    async stop() {
      aof.stop()
      await takeDown(started, servers)
    },
  }
}
