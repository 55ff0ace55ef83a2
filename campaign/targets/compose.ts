/**
 * Runs the stack of docker-compose.yml in its own project, with several copies of the API. The links run in the
 * campaign's process and listen where containers reach this machine. Docker reports the end of a container as an event
 * and restarts it; to roll Redis back, the restart is held until the file is cut. Needs root on Linux, to signal the
 * containers' processes and to mount their disks.
 */
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { LaunchFailure } from "../../local/failure.ts"
import { lockFolder, stopLeftovers } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { dockerAnswers } from "../../local/services/docker.ts"
import { requireFreePorts } from "../../local/services/probe.ts"
import {
  API_PORTS,
  portFrom,
  portsOf,
  portVariable,
  ROOT,
  SERVICES,
  stackFolder,
} from "../../local/services/settings.ts"
import { publishedStores } from "../../test/steps/published-stores.ts"
import { watchAof } from "./aof.ts"
import { writeClock } from "./clock.ts"
import { type Container, containerServer, docker, findContainers, watchEndsOf } from "./containers.ts"
import { unmountBelow } from "./disk.ts"
import { type Disks, diskDataFolder, mountDisks } from "./disks.ts"
import { endsOnFullDisk, trackEnds } from "./ends.ts"
import { type RunningLink, startLink, together } from "./link.ts"
import type { LinkName, Server, Target, TargetOptions } from "./target.ts"

/** While one is down, two still serve. */
const COMPOSE_REPLICAS = 3
const PROJECT = "chat-faults"
/** Images may have to be built, and the first start of all servers takes minutes on a busy machine. */
const UP_LIMIT_MS = 900_000
const DOWN_LIMIT_MS = 180_000
const STORES = ["redis", "mysql", "elasticmq", "elasticsearch"] as const
const FOLDER = stackFolder("faults")
const CLOCK_FILE = join(FOLDER, "clock", "offset-ms")
const ROLL_BACK_ATTEMPTS = 3

type Variables = Record<string, string>

const compose = (args: readonly string[], env: Variables, limits: { timeoutMs: number; signal?: AbortSignal }) =>
  run(
    "docker",
    ["compose", "-p", PROJECT, "-f", "docker-compose.yml", "-f", "campaign/targets/compose.faults.yml", ...args],
    {
      cwd: ROOT,
      env,
      logFile: join(FOLDER, "logs", "compose.log"),
      ...limits,
    },
  )

const requireEngine = async () => {
  if (!(await dockerAnswers()))
    throw new LaunchFailure("No Docker engine with compose answers: start it, or use the native servers.")
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw new LaunchFailure(
      "The target compose needs root on Linux: run the campaign as root, or use the native servers.",
    )
}

/** Returns the address at which containers reach this machine, that of Docker's bridge. */
const linkHost = async () =>
  (await docker(["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"])).trim()

/**
 * Returns the ports of the copies, which follow that of the proxy. Docker gives each copy one of them, and after a
 * restart the one that is free; after two at a time, they may have changed places.
 */
const copyPortsAfter = (apiPort: number, replicas: number) =>
  Array.from({ length: replicas }, (_, index) => apiPort + 1 + index)

/** Starts a link before each store and returns them with the variables of compose.faults.yml. */
const linkStores = async (apiPort: number, copyPorts: number[]) => {
  const host = await linkHost()
  const ports = portsOf("faults", process.env)
  const links: Partial<Record<LinkName, RunningLink>> = {}
  const variables: Variables = {
    CHAT_FAULTS_LINK_HOST: host,
    CHAT_FAULTS_API_PORT: `${apiPort}`,
    CHAT_FAULTS_COPY_PORTS: `${copyPorts[0]}-${copyPorts.at(-1)}`,
  }
  for (const name of STORES) {
    const link = await startLink({ host: "127.0.0.1", port: ports[name] }, host)
    links[name] = link
    const variable = portVariable("faults", name)
    variables[variable] = `${ports[name]}`
    variables[variable.replace(/_PORT$/, "_LINK")] = `${link.port}`
  }
  return { links, variables }
}

/** Starts a link before the proxy and before each copy, all of which belong to the way from the clients to the API. */
const linkClients = async (ports: [number, ...number[]]) => {
  const links: RunningLink[] = []
  for (const port of ports) links.push(await startLink({ host: "127.0.0.1", port }))
  return links as [RunningLink, ...RunningLink[]]
}

const urlOf = ({ port }: RunningLink) => `http://127.0.0.1:${port}`

const prepareFolder = async (): Promise<Disks> => {
  await stopLeftovers(FOLDER)
  await compose(["down", "--volumes", "--remove-orphans", "--timeout", "0"], {}, { timeoutMs: DOWN_LIMIT_MS })
  await unmountBelow(FOLDER)
  await rm(FOLDER, { recursive: true, force: true })
  await mkdir(join(FOLDER, "clock"), { recursive: true })
  await writeClock(CLOCK_FILE, 0)
  return mountDisks()
}

const requirePorts = (apiPort: number, copyPorts: number[]) => {
  const ports = portsOf("faults", process.env)
  const claims = STORES.map((name) => ({
    label: SERVICES[name].label,
    port: ports[name],
    variable: portVariable("faults", name),
  }))
  const variable = "CHAT_FAULTS_API_PORT"
  const copies = copyPorts.map((port) => ({ label: "a copy of the API", port, variable }))
  return requireFreePorts([...claims, { label: "the API", port: apiPort, variable }, ...copies])
}

type Links = Partial<Record<LinkName, RunningLink>>

/** Takes everything down, even if a step fails. The containers' logs are kept in a file. */
const takeDown = async (links: Links, variables: Variables) => {
  const limits = { timeoutMs: DOWN_LIMIT_MS }
  const steps = [
    () => compose(["logs", "--no-color", "--timestamps"], variables, limits),
    () => compose(["down", "--volumes", "--remove-orphans", "--timeout", "1"], variables, limits),
    () => Promise.all(Object.values(links).map((link) => link.stop())),
    () => unmountBelow(FOLDER),
  ]
  const failures: unknown[] = []
  for (const step of steps) await step().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

/** Keeps Docker from restarting Redis, kills it, cuts its file back, and starts it. */
const rollBack = async (id: string, redis: Server, cutBack: (at: number) => number | undefined) => {
  await docker(["update", "--restart", "no", id])
  try {
    const at = performance.now()
    await redis.kill()
    // Only a container that has ended can be started, and it ends after its process.
    await docker(["wait", id])
    return cutBack(at)
  } finally {
    await docker(["update", "--restart", "unless-stopped", id])
    await docker(["start", id])
  }
}

/** Returns the servers in running containers, and what else a campaign needs to harm them. */
const harmable = async (containers: Container[], disks: Disks, hurry: AbortSignal | undefined) => {
  const nameOf = new Map(containers.map(({ id, name }) => [id, name]))
  const ends = trackEnds((server) => endsOnFullDisk(server) && disks.isFull(server))
  const unwatch = watchEndsOf(PROJECT, (id, why) => {
    const name = nameOf.get(id)
    if (name) ends.ended(name, id, why)
  })
  const servers = containers.map((container) => containerServer(container, ends.willKill))
  const redis = servers.find(({ kind }) => kind === "redis") as Server
  const redisId = containers.find(({ kind }) => kind === "redis")?.id ?? ""
  const aof = watchAof(join(diskDataFolder("redis"), "appendonlydir"))
  return {
    servers,
    unexplainedEnds: async () => ends.unexplained(),
    async rollRedisBack() {
      for (let attempt = 1; attempt <= ROLL_BACK_ATTEMPTS; attempt++) {
        await aof.untilKnown(hurry)
        if ((await rollBack(redisId, redis, aof.cutBack)) !== undefined) return
      }
      throw new Error("Redis could not be rolled back: each time, its append-only file had just been rewritten")
    },
    async release() {
      unwatch()
      aof.stop()
      // A frozen server would not react to a stop.
      await Promise.all(servers.map((server) => server.thaw()))
    },
  }
}

/**
 * Starts a fresh stack of docker-compose.yml with `replicas` copies of the API.
 * @throws LaunchFailure that says what is wrong and what to do; it leaves nothing running.
 */
export const startComposeTarget = async ({
  replicas = COMPOSE_REPLICAS,
  progress,
  signal,
  hurry,
}: TargetOptions & { replicas?: number }): Promise<Target> => {
  await requireEngine()
  const unlock = lockFolder(FOLDER)
  const apiPort = portFrom(process.env, "CHAT_FAULTS_API_PORT", API_PORTS.faults)
  const copyPorts = copyPortsAfter(apiPort, replicas)
  let links: Links = {}
  let variables: Variables = {}
  const down = () => takeDown(links, variables).finally(unlock)
  try {
    const disks = await prepareFolder()
    await requirePorts(apiPort, copyPorts)
    const linked = await linkStores(apiPort, copyPorts)
    links = linked.links
    variables = linked.variables
    const up = ["up", "--detach", "--build", "--wait", "--scale", `api=${replicas}`]
    await progress.step(`Docker: the whole stack, ${replicas} copies of the API, on port ${apiPort}`, () =>
      compose(up, variables, { timeoutMs: UP_LIMIT_MS, ...(signal && { signal }) }),
    )
    const [client, ...copies] = await linkClients([apiPort, ...copyPorts])
    links.client = together(client, copies)
    const harmed = await harmable(await findContainers(PROJECT), disks, hurry)
    const { servers, rollRedisBack, unexplainedEnds } = harmed
    return {
      name: "compose",
      apiUrl: urlOf(client),
      copyUrls: copies.map(urlOf),
      env: publishedStores(portsOf("faults", process.env)),
      servers,
      links: links as Target["links"],
      disks: disks.disks,
      ...(disks.diskReason !== undefined && { diskReason: disks.diskReason }),
      setClock: (offsetMs) => writeClock(CLOCK_FILE, offsetMs),
      rollRedisBack,
      unexplainedEnds,
      stop: () => harmed.release().then(down, down),
    }
  } catch (error) {
    await down().catch(() => undefined)
    throw error
  }
}
