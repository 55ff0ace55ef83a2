/** Runs the servers as containers of docker-compose.yml, in their own project, with ports on 127.0.0.1. */
import { createHash } from "node:crypto"
import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import { run, succeeds } from "../run.ts"
import { type Ports, portVariable, ROOT, SERVICE_NAMES, type ServiceName, type StackName } from "./settings.ts"

/** A running engine answers within tenths of a second. */
const ENGINE_LIMIT_MS = 5000
/** About 1.5 GB of images on a slow line; beyond it, native services are faster. */
const PULL_LIMIT_MS = 600_000
/** The slowest container, Elasticsearch's first start, takes about a minute on a busy machine. */
const UP_LIMIT_MS = 240_000
const STOP_SECONDS = 10
/** Hash of the folder in the project's name, so that two clones do not share containers. */
const HASH_LENGTH = 8

export type DockerServices = {
  own: readonly ServiceName[]
  ports: Ports
  stack: StackName
  logFile: string
  signal?: AbortSignal
}

/** Returns whether a Docker engine and its compose plugin answer. */
export const dockerAnswers = async (): Promise<boolean> => {
  const [engine, compose] = await Promise.all([
    succeeds("docker", ["info", "--format", "{{.ServerVersion}}"], ENGINE_LIMIT_MS),
    succeeds("docker", ["compose", "version"], ENGINE_LIMIT_MS),
  ])
  return engine && compose
}

const projectName = (stack: StackName) =>
  `chat-${stack}-${createHash("sha256").update(ROOT).digest("hex").slice(0, HASH_LENGTH)}`

const compose = (
  services: DockerServices,
  args: readonly string[],
  limits: { timeoutMs?: number; signal?: AbortSignal } = {},
) =>
  run(
    "docker",
    [
      "compose",
      "-p",
      projectName(services.stack),
      "-f",
      "docker-compose.yml",
      "-f",
      join("local", "compose.ports.yml"),
      ...args,
    ],
    {
      cwd: ROOT,
      logFile: services.logFile,
      env: Object.fromEntries(SERVICE_NAMES.map((name) => [portVariable("start", name), `${services.ports[name]}`])),
      ...limits,
    },
  )

const limitsOf = (services: DockerServices, timeoutMs: number) => ({
  timeoutMs,
  ...(services.signal && { signal: services.signal }),
})

/** Returns whether every image is present, or can be pulled within ten minutes. */
export const dockerHasImages = async (services: DockerServices): Promise<boolean> => {
  const images = (await compose(services, ["config", "--images", ...services.own])).split("\n").filter(Boolean)
  const present = await Promise.all(
    images.map((image) => succeeds("docker", ["image", "inspect", image], ENGINE_LIMIT_MS)),
  )
  if (present.every(Boolean)) return true
  return compose(services, ["pull", "--quiet", ...services.own], limitsOf(services, PULL_LIMIT_MS)).then(
    () => true,
    () => false,
  )
}

/** Returns whether containers are still running, left by a launcher that was killed. */
export const dockerIsUp = async (services: DockerServices): Promise<boolean> =>
  (await compose(services, ["ps", "-q"])).trim() !== ""

/** Stops the containers. Keeps their data, except in the stack `test`. */
export const stopDocker = async (services: DockerServices): Promise<void> => {
  const forgetData = services.stack === "test"
  const args = forgetData ? ["down", "--volumes", "--remove-orphans"] : ["stop"]
  await compose(services, [...args, "--timeout", `${STOP_SECONDS}`])
}

type ComposeConfig = { services: Record<string, { environment?: Record<string, string | null> }> }

/** Returns the database's URL: with the compose file's user, or root for tests, which count the server's statements. */
const mysqlUrl = async (services: DockerServices) => {
  const config = JSON.parse(await compose(services, ["config", "--format", "json"])) as ComposeConfig
  const environment = config.services.mysql?.environment ?? {}
  const root = environment.MYSQL_ROOT_PASSWORD
  const [user, password] =
    (services.stack === "test" || !environment.MYSQL_USER) && root
      ? ["root", root]
      : [environment.MYSQL_USER, environment.MYSQL_PASSWORD]
  const login = `${encodeURIComponent(user ?? "root")}:${encodeURIComponent(password ?? "")}`
  return `mysql://${login}@127.0.0.1:${services.ports.mysql}/${environment.MYSQL_DATABASE ?? "chat"}`
}

/**
 * Starts the containers and waits until they are healthy. Returns their URLs on this machine.
 * @throws LaunchFailure with the end of compose's output.
 */
export const startDocker = async (services: DockerServices): Promise<Record<ServiceName, string>> => {
  try {
    await compose(services, ["up", "-d", "--wait", "--no-build", ...services.own], limitsOf(services, UP_LIMIT_MS))
  } catch (error) {
    const details = error instanceof LaunchFailure ? error.details : []
    throw new LaunchFailure(
      `Docker could not start the services (log: ${services.logFile}). Fix the cause, or do without Docker: CHAT_SERVICES=native.`,
      details,
    )
  }
  return {
    mysql: await mysqlUrl(services),
    redis: `redis://127.0.0.1:${services.ports.redis}/0`,
    elasticmq: `http://127.0.0.1:${services.ports.elasticmq}`,
    elasticsearch: `http://127.0.0.1:${services.ports.elasticsearch}`,
  }
}
