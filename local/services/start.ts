import { existsSync, readFileSync } from "node:fs"
import { mkdir, rm, statfs, writeFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { queueUrlsAt } from "../../lib/queue/queues.ts"
import { LaunchFailure } from "../failure.ts"
import { lockFolder, stopLeftovers } from "../processes.ts"
import type { Progress } from "../progress.ts"
import { isAssembled } from "./assemble.ts"
import { type Choice, chooseEngine, chooseServices, ENGINES, type Engine } from "./choose.ts"
import { type DockerServices, dockerAnswers, dockerHasImages, dockerIsUp, startDocker, stopDocker } from "./docker.ts"
import { type NativeServices, nativeServers, nativeUrls } from "./native.ts"
import { isReady, type PortClaim, requireFreePorts } from "./probe.ts"
import { ensureQueues } from "./queues.ts"
import {
  type Ports,
  portsOf,
  portVariable,
  ROOT,
  SERVICE_NAMES,
  SERVICES,
  type ServiceName,
  type StackName,
  stackFolder,
} from "./settings.ts"

/** Room for packages, jars, their download folders and the first data. */
const FIRST_START_BYTES_MIN = 1024 ** 3
/** Room for the logs and data of a working day; databases stop when there is no more space. */
const LATER_START_BYTES_MIN = 256 * 1024 ** 2
/** An existing server should answer at once; this leaves time for one that is just starting. */
const GIVEN_LIMIT_MS = 10_000
const GIVEN_POLL_MS = 250

export type StartOptions = {
  name: StackName
  /** Ports of the servers; by default those of the stack, which the environment may change. */
  ports?: Ports
  progress: Progress
  /** Cancels a start. */
  signal?: AbortSignal
  /** Cuts an orderly stop short. */
  hurry?: AbortSignal
  /** Ports that the caller will use; also checked before anything is started. */
  alsoUsed?: readonly PortClaim[]
  /** Deletes the data of earlier runs. */
  fresh?: boolean
  /** Starts the servers with this engine, whatever the environment says. */
  engine?: Engine
  /** The servers to start; all four if absent. */
  only?: readonly ServiceName[]
  /** Prepares the stack's folder before a server starts, once all processes of earlier runs have ended. */
  prepare?: (folder: string) => Promise<void>
} & Pick<NativeServices, "dataFolders" | "restartWaitMs" | "onEnd">

export type Stack = {
  /** The variables by which the API finds the services. */
  env: Record<string, string>
  /** Holds data, logs and pid files. */
  folder: string
  /** Stops the servers started here, not those that existed before. */
  stop(): Promise<void>
  /** Leaves everything running for keptStack; the caller then exits without stop(). */
  leave(): Promise<void>
}

type Brought = { urls: Partial<Record<ServiceName, string>>; stop(): Promise<void> }

const requireDisk = async () => {
  await mkdir(join(ROOT, ".data"), { recursive: true })
  const { bavail, bsize } = await statfs(join(ROOT, ".data"))
  const needed =
    isAssembled("elasticsearch") && isAssembled("elasticmq") ? LATER_START_BYTES_MIN : FIRST_START_BYTES_MIN
  const mebibytes = (bytes: number) => Math.floor(bytes / 1024 ** 2)
  if (bavail * bsize >= needed) return
  throw new LaunchFailure(
    `Only ${mebibytes(bavail * bsize)} MiB are free on the disk of ${ROOT}, but ${mebibytes(needed)} are needed: make room and try again.`,
  )
}

const requireGiven = async (given: Choice["given"], progress: Progress) => {
  const check = async (name: ServiceName, url: string) => {
    const { label, urlVariable } = SERVICES[name]
    const limit = Date.now() + GIVEN_LIMIT_MS
    while (!(await isReady(name, url))) {
      if (Date.now() > limit) {
        throw new LaunchFailure(
          `${label} at ${new URL(url).host} (${urlVariable}) does not answer: start it, or unset ${urlVariable} to have one started.`,
        )
      }
      await sleep(GIVEN_POLL_MS)
    }
    progress.line(`✓ ${label} at ${new URL(url).host}, given by ${urlVariable}`)
  }
  await Promise.all(SERVICE_NAMES.map((name) => given[name] && check(name, given[name])))
}

const lastEngine = (folder: string) => {
  const path = join(folder, "engine")
  const text = existsSync(path) ? readFileSync(path, "utf8").trim() : ""
  return ENGINES.find((engine) => engine === text)
}

/** Chooses between Docker and native, and says why where that is not obvious. */
const decideEngine = async (
  asked: Engine | undefined,
  docker: DockerServices,
  folder: string,
  progress: Progress,
): Promise<Engine> => {
  const last = lastEngine(folder)
  if (asked === "native" || (!asked && last === "native")) return "native"
  const answers = existsSync(join(ROOT, "docker-compose.yml")) && (await dockerAnswers())
  if (!answers && asked === "docker")
    throw new LaunchFailure(
      "CHAT_SERVICES=docker, but no Docker engine with compose answers: start it, or unset CHAT_SERVICES.",
    )
  if (!answers && last === "docker")
    progress.line(
      "! Docker, which holds the data of the last run, does not answer: starting native services with data of their own.",
    )
  if (chooseEngine(asked, last, answers) === "native") return "native"
  if (await progress.step("Docker images", () => dockerHasImages(docker))) return "docker"
  if (asked === "docker")
    throw new LaunchFailure(
      `Docker lacks images and cannot pull them (log: ${docker.logFile}): check its registry, or unset CHAT_SERVICES.`,
    )
  progress.line("! Docker lacks images and cannot pull them: starting native services instead.")
  return "native"
}

const claims = (own: readonly ServiceName[], ports: Ports, stack: StackName): PortClaim[] =>
  own.map((name) => ({ label: SERVICES[name].label, port: ports[name], variable: portVariable(stack, name) }))

const bringDocker = async (docker: DockerServices, progress: Progress): Promise<Brought> => {
  if (docker.stack === "test") await stopDocker(docker)
  if (!(await dockerIsUp(docker))) await requireFreePorts(claims(docker.own, docker.ports, docker.stack))
  try {
    const urls = await progress.step(`Docker: ${docker.own.map((name) => SERVICES[name].label).join(", ")}`, () =>
      startDocker(docker),
    )
    return { urls, stop: () => stopDocker(docker) }
  } catch (error) {
    await stopDocker(docker).catch(() => {})
    throw error
  }
}

const bringNative = async (
  own: readonly ServiceName[],
  folder: string,
  ports: Ports,
  options: StartOptions,
): Promise<Brought> => {
  const { progress, hurry, dataFolders, restartWaitMs, onEnd } = options
  await requireFreePorts(claims(own, ports, options.name))
  // If one server fails, the wait for the others ends.
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])])
  const servers = await nativeServers(own, {
    folder,
    ports,
    progress,
    signal,
    countsStatements: options.name === "test",
    ...(hurry && { hurry }),
    ...(dataFolders && { dataFolders }),
    ...(restartWaitMs !== undefined && { restartWaitMs }),
    ...(onEnd && { onEnd }),
  })
  let reason: unknown
  const start = async (name: ServiceName) => {
    const server = servers[name]
    try {
      return await progress.step(`${server?.label} on 127.0.0.1:${ports[name]}`, async () => server?.start())
    } catch (error) {
      reason ??= error
      failed.abort()
      return undefined
    }
  }
  const started = await Promise.all(own.map(start))
  const stop = async () => {
    await Promise.all(started.map((server) => server?.stop()))
  }
  if (reason) {
    await stop()
    throw reason
  }
  return { urls: await nativeUrls(folder, ports), stop }
}

const bringOwn = async (choice: Choice, folder: string, options: StartOptions): Promise<Brought> => {
  const { own, engine: asked } = choice
  if (own.length === 0) return { urls: {}, stop: async () => {} }
  const ports = options.ports ?? portsOf(options.name, process.env)
  const logFile = relative(process.cwd(), join(folder, "logs", "docker.log"))
  const docker = { own, ports, stack: options.name, logFile, ...(options.signal && { signal: options.signal }) }
  const engine = await decideEngine(asked, docker, folder, options.progress)
  await writeFile(join(folder, "engine"), `${engine}\n`)
  return engine === "docker" ? bringDocker(docker, options.progress) : bringNative(own, folder, ports, options)
}

const environmentOf = async (
  choice: Choice,
  urls: Brought["urls"],
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> => {
  const all = { ...urls, ...choice.given }
  const variables = Object.fromEntries(SERVICE_NAMES.map((name) => [SERVICES[name].urlVariable, all[name] ?? ""]))
  const endpoint = (all.elasticmq ?? "").replace(/\/$/, "")
  const queues = choice.given.elasticmq
    ? await ensureQueues(endpoint, environment).catch((error: Error) => {
        throw new LaunchFailure(`The queues could not be created at ${endpoint} (SQS_ENDPOINT): ${error.message}`)
      })
    : queueUrlsAt(endpoint)
  // The SDK signs every call, though a local queue server ignores the signature.
  const login = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" }
  const unset = ([name]: [string, string]) => !environment[name]
  return { ...variables, ...Object.fromEntries([...Object.entries(queues), ...Object.entries(login)].filter(unset)) }
}

/** Returns the path of the file with the variables of a running stack, which other commands read. */
export const servicesFile = (folder: string) => join(folder, "services.env")

const keptFile = (folder: string) => join(folder, "kept.json")

/** Returns the environment of a stack that an earlier run left running, if all its services still answer. */
export const keptStack = async (name: StackName): Promise<Record<string, string> | undefined> => {
  const path = keptFile(stackFolder(name))
  if (!existsSync(path)) return undefined
  const env = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>
  const answers = await Promise.all(
    SERVICE_NAMES.map((service) => isReady(service, env[SERVICES[service].urlVariable] ?? "")),
  )
  return answers.every(Boolean) ? env : undefined
}

/**
 * Starts MySQL (or MariaDB), Redis, ElasticMQ and Elasticsearch with Docker or natively (CHAT_SERVICES), except those
 * whose URLs are in the environment. Resolves when all of them answer.
 * @throws LaunchFailure that says what is wrong and what to do; it leaves nothing running.
 */
export const startServices = async (options: StartOptions): Promise<Stack> => {
  const { name, progress } = options
  const folder = stackFolder(name)
  const environment = options.engine ? { CHAT_SERVICES: options.engine } : process.env
  const all = chooseServices(environment)
  const choice = { ...all, own: all.own.filter((server) => options.only?.includes(server) ?? true) }
  await requireDisk()
  const unlock = lockFolder(folder)
  try {
    const leftovers = await stopLeftovers(folder)
    if (leftovers.length > 0) progress.line(`! Stopped what an earlier run had left running: ${leftovers.join(", ")}`)
    if (options.fresh) await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    await options.prepare?.(folder)
    await rm(keptFile(folder), { force: true })
    await requireFreePorts(options.alsoUsed ?? [])
    await requireGiven(choice.given, progress)
    const brought = await bringOwn(choice, folder, options)
    const env = await environmentOf(choice, brought.urls, environment).catch(async (error) => {
      await brought.stop()
      throw error
    })
    const lines = Object.entries(env).map(([variable, value]) => `${variable}=${value}\n`)
    await writeFile(servicesFile(folder), lines.join(""), { mode: 0o600 })
    return {
      env,
      folder,
      stop: () => brought.stop().finally(unlock),
      async leave() {
        await writeFile(keptFile(folder), JSON.stringify(env), { mode: 0o600 })
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}
