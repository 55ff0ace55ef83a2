import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"

/** The servers that the API needs. */
export const SERVICE_NAMES = ["mysql", "redis", "elasticmq", "elasticsearch"] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

export type Ports = Record<ServiceName, number>

/** A stack of services: the one people use, and those of tests, of campaigns of faults and of benchmarks beside it. */
export type StackName = "start" | "test" | "faults" | "bench"

export type ServiceSettings = {
  label: string
  /** The variable that names a server which is there already. */
  urlVariable: string
  ports: Record<StackName, number>
}

/**
 * Far from the servers' usual ports, so that ours never meet one that is there already, and below what Linux gives to
 * outgoing connections (32768 and up), one of which could hold a port when a server starts.
 */
export const SERVICES: Record<ServiceName, ServiceSettings> = {
  mysql: {
    label: "MySQL",
    urlVariable: "MYSQL_URL",
    ports: { start: 23306, test: 24306, faults: 13306, bench: 14306 },
  },
  redis: {
    label: "Redis",
    urlVariable: "REDIS_URL",
    ports: { start: 26379, test: 27379, faults: 16379, bench: 17379 },
  },
  elasticmq: {
    label: "ElasticMQ",
    urlVariable: "SQS_ENDPOINT",
    ports: { start: 29324, test: 30324, faults: 19324, bench: 20324 },
  },
  elasticsearch: {
    label: "Elasticsearch",
    urlVariable: "ELASTICSEARCH_URL",
    ports: { start: 29200, test: 30200, faults: 19200, bench: 20200 },
  },
}

/** The API's port; PORT moves it, CHAT_FAULTS_API_PORT a campaign's, CHAT_BENCH_API_PORT the benchmarks'. */
export const API_PORTS: Record<StackName, number> = { start: 3000, test: 24000, faults: 13000, bench: 14000 }

/**
 * Seconds; more than a consumer may take (10 s), so that a slow batch is not delivered twice, and little more: what a
 * killed consumer held comes back after it, and a Redis that has restarted waits for that.
 */
export const VISIBILITY_TIMEOUT_SECONDS = 15

export const ROOT = join(import.meta.dirname, "..", "..")
/** Data, logs and pid files of one stack. */
export const stackFolder = (name: StackName): string => join(ROOT, ".data", name)
/** The folder of what is downloaded and assembled once, for all stacks. */
export const NATIVE_FOLDER = join(ROOT, ".data", "native")

const PORT_MAX = 65_535

/** The port that a variable asks for, or the usual one. */
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
}

/** The variable that moves one of our servers: CHAT_REDIS_PORT, and CHAT_TEST_REDIS_PORT for the one that tests use. */
export const portVariable = (name: StackName, service: ServiceName): string =>
  `${PORT_PREFIXES[name]}${SERVICES[service].urlVariable.replace(/_(URL|ENDPOINT)$/, "")}_PORT`

/** The ports of a stack's own servers. */
export const portsOf = (name: StackName, env: NodeJS.ProcessEnv): Ports => {
  const portOf = (service: ServiceName) => portFrom(env, portVariable(name, service), SERVICES[service].ports[name])
  return {
    mysql: portOf("mysql"),
    redis: portOf("redis"),
    elasticmq: portOf("elasticmq"),
    elasticsearch: portOf("elasticsearch"),
  }
}
