import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"

/** The servers that the API needs. */
export const SERVICE_NAMES = ["mysql", "redis", "elasticmq", "elasticsearch"] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

export type Ports = Record<ServiceName, number>

/** The stacks of services: the one people use, and those of tests, campaigns, benchmarks and deployment checks. */
export type StackName = "start" | "test" | "faults" | "bench" | "deploy"

export type ServiceSettings = {
  label: string
  /** The variable with the URL of an existing server. */
  urlVariable: string
  ports: Record<StackName, number>
}

/**
 * The servers, with ports far from the usual ones, so that they never collide with existing servers, and below those
 * that Linux assigns to outgoing connections (32768 and up), any of which could hold a port when a server starts.
 */
export const SERVICES: Record<ServiceName, ServiceSettings> = {
  mysql: {
    label: "MySQL",
    urlVariable: "MYSQL_URL",
    ports: { start: 23306, test: 24306, faults: 13306, bench: 14306, deploy: 15306 },
  },
  redis: {
    label: "Redis",
    urlVariable: "REDIS_URL",
    ports: { start: 26379, test: 27379, faults: 16379, bench: 17379, deploy: 18379 },
  },
  elasticmq: {
    label: "ElasticMQ",
    urlVariable: "SQS_ENDPOINT",
    ports: { start: 29324, test: 30324, faults: 19324, bench: 20324, deploy: 21324 },
  },
  elasticsearch: {
    label: "Elasticsearch",
    urlVariable: "ELASTICSEARCH_URL",
    ports: { start: 29200, test: 30200, faults: 19200, bench: 20200, deploy: 21200 },
  },
}

/**
 * The API's port; PORT changes it, CHAT_FAULTS_API_PORT a campaign's, CHAT_BENCH_API_PORT the benchmarks'. Under compose,
 * a campaign's copies of the API have the ports after it.
 */
export const API_PORTS: Record<Exclude<StackName, "deploy">, number> = {
  start: 3000,
  test: 24000,
  faults: 13000,
  bench: 14000,
}

/**
 * Longer than a consumer may take (10 s), so that a slow batch is not delivered twice, but not much: what a killed
 * consumer held comes back only after it, and a restarted Redis waits for that.
 */
export const VISIBILITY_TIMEOUT_SECONDS = 15

export const ROOT = join(import.meta.dirname, "..", "..")
/** Returns the folder with the data, logs and pid files of a stack. */
export const stackFolder = (name: StackName): string => join(ROOT, ".data", name)
/** The folder of downloaded and assembled programs, shared by all stacks. */
export const NATIVE_FOLDER = join(ROOT, ".data", "native")

const PORT_MAX = 65_535

/** Returns the port in a variable, or the usual one. */
export const portFrom = (env: NodeJS.ProcessEnv, variable: string, usual: number): number => {
  const text = env[variable]
  if (!text) return usual
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new LaunchFailure(`${variable}=${text} is not a port: give a number from 1 to ${PORT_MAX}.`)
  }
  return port
}

const PORT_PREFIXES: Record<StackName, string> = {
  start: "CHAT_",
  test: "CHAT_TEST_",
  faults: "CHAT_FAULTS_",
  bench: "CHAT_BENCH_",
  deploy: "CHAT_DEPLOY_",
}

/** Returns the variable that changes a server's port: CHAT_REDIS_PORT, or CHAT_TEST_REDIS_PORT in the stack `test`. */
export const portVariable = (name: StackName, service: ServiceName): string =>
  `${PORT_PREFIXES[name]}${SERVICES[service].urlVariable.replace(/_(URL|ENDPOINT)$/, "")}_PORT`

/** Returns the ports of a stack's own servers. */
export const portsOf = (name: StackName, env: NodeJS.ProcessEnv): Ports => {
  const portOf = (service: ServiceName) => portFrom(env, portVariable(name, service), SERVICES[service].ports[name])
  return {
    mysql: portOf("mysql"),
    redis: portOf("redis"),
    elasticmq: portOf("elasticmq"),
    elasticsearch: portOf("elasticsearch"),
  }
}
