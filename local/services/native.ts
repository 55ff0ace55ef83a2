/** Runs the servers as processes of this machine: what each needs, and how it is started. */
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import { run } from "../run.ts"
import { type Program, type Supervised, type Supervision, supervise } from "../supervisor.ts"
import { assemble, isAssembled } from "./assemble.ts"
import {
  findJava,
  findProgram,
  findRedis,
  type Installation,
  installMissing,
  JAVA_FOR_ELASTICMQ,
  JAVA_FOR_ELASTICSEARCH,
} from "./install.ts"
import { isReady } from "./probe.ts"
import { type Ports, ROOT, type ServiceName } from "./settings.ts"

/** Servers answer within seconds, but later on a busy machine or when a database recovers after a kill. */
const READY_LIMIT_MS = 120_000
/** A database flushes its log and stops well within this. */
const STOP_LIMIT_MS = 10_000
/** Random bytes in the database user's password. */
const PASSWORD_BYTES = 18
/** A quarter of what the container may use; tests and demos hold less data. */
const MARIADB_BUFFER_POOL = "128M"
const REDIS_MEMORY_MAX = "1gb"
const ELASTICMQ_HEAP = "256m"
const ELASTICSEARCH_HEAP = "512m"

export type NativeServices = Supervision & {
  ports: Ports
  /** Data folders outside the stack's folder. */
  dataFolders?: Partial<Record<ServiceName, string>>
}
type Server = { label: string; start(): Promise<Supervised> }

const limits = { readyLimitMs: READY_LIMIT_MS, stopLimitMs: STOP_LIMIT_MS }

const passwordIn = async (folder: string) => {
  const path = join(folder, "mysql-password")
  if (!existsSync(path)) await writeFile(path, randomBytes(PASSWORD_BYTES).toString("base64url"), { mode: 0o600 })
  return readFileSync(path, "utf8")
}

/** Returns the URLs of the native servers. The database's password is generated on first use. */
export const nativeUrls = async (folder: string, ports: Ports): Promise<Record<ServiceName, string>> => ({
  mysql: `mysql://chat:${await passwordIn(folder)}@127.0.0.1:${ports.mysql}/chat`,
  redis: `redis://127.0.0.1:${ports.redis}/0`,
  elasticmq: `http://127.0.0.1:${ports.elasticmq}`,
  elasticsearch: `http://127.0.0.1:${ports.elasticsearch}`,
})

const mariadb = async (
  { folder, ports, signal, dataFolders }: NativeServices,
  urls: Record<ServiceName, string>,
): Promise<Program> => {
  const data = join(dataFolders?.mysql ?? folder, "mysql")
  // MariaDB refuses to run as root unless told to; another user could not read the data folder in root's clone.
  const asRoot = process.getuid?.() === 0 ? ["--user=root"] : []
  if (!existsSync(data)) {
    const building = `${data}.building`
    await rm(building, { recursive: true, force: true })
    const init = ["--no-defaults", ...asRoot, `--datadir=${building}`, "--skip-test-db", "--skip-name-resolve"]
    await run(
      findProgram("mariadb-install-db") ?? "mariadb-install-db",
      [...init, "--auth-root-authentication-method=socket"],
      {
        logFile: join(folder, "logs", "mysql-install.log"),
        ...(signal && { signal }),
      },
    )
    await rename(building, data)
  }
  // Runs at each start before the first connection. Grants everything, since migrations and tests create databases, and
  // the check of a deployment creates users.
  const { password } = new URL(urls.mysql)
  const statements = [
    "CREATE DATABASE IF NOT EXISTS chat CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    ...["localhost", "127.0.0.1"].flatMap((host) => [
      `CREATE USER IF NOT EXISTS chat@'${host}'`,
      `ALTER USER chat@'${host}' IDENTIFIED BY '${password}'`,
      `GRANT ALL ON *.* TO chat@'${host}' WITH GRANT OPTION`,
    ]),
  ]
  const initFile = join(folder, "mysql-init.sql")
  await writeFile(initFile, statements.map((statement) => `${statement};\n`).join(""), { mode: 0o600 })
  return {
    name: "mysql",
    label: "MariaDB",
    command: findProgram("mariadbd") ?? "mariadbd",
    args: [
      "--no-defaults",
      ...asRoot,
      `--datadir=${data}`,
      `--init-file=${initFile}`,
      `--port=${ports.mysql}`,
      "--bind-address=127.0.0.1",
      // Relative to the data folder, since the path of a socket may have at most 107 bytes.
      "--socket=mysqld.sock",
      `--pid-file=${join(data, "mysqld.pid")}`,
      // Not a shared one: at its start a server removes temporary tables, those of other servers included.
      `--tmpdir=${data}`,
      "--skip-name-resolve",
      "--performance-schema=ON",
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_bin",
      "--default-time-zone=+00:00",
      "--innodb-flush-log-at-trx-commit=1",
      // On a full disk a rollback needs room too, or the server aborts. InnoDB reserves some, but not in files below a
      // megabyte, such as a small table's own. The common file grows in small steps, as those do.
      "--innodb-file-per-table=OFF",
      "--innodb-autoextend-increment=1",
      `--innodb-buffer-pool-size=${MARIADB_BUFFER_POOL}`,
    ],
    isReady: () => isReady("mysql", urls.mysql),
    ...limits,
  }
}

const redis = async (
  { folder, ports, dataFolders }: NativeServices,
  urls: Record<ServiceName, string>,
): Promise<Program> => {
  const data = join(dataFolders?.redis ?? folder, "redis")
  await mkdir(data, { recursive: true })
  const settings = {
    port: ports.redis,
    bind: "127.0.0.1",
    dir: data,
    // Every answered write must be on disk: numbers and the outbox are kept nowhere else.
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    maxmemory: REDIS_MEMORY_MAX,
    "maxmemory-policy": "volatile-ttl",
    // Keeps the data folder in the command line, by which people find the process.
    "set-proc-title": "no",
  }
  return {
    name: "redis",
    label: "Redis",
    command: findRedis() ?? "redis-server",
    argv0: "redis-server",
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]),
    isReady: () => isReady("redis", urls.redis),
    ...limits,
  }
}

const javaArgs = async (folder: string, name: string, heap: string) => {
  const temporary = join(folder, name, "tmp")
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  return [
    `-Xms${heap}`,
    `-Xmx${heap}`,
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${temporary}`,
  ]
}

const elasticmq = async (
  { folder, ports }: NativeServices,
  urls: Record<ServiceName, string>,
  java: string,
  jars: string,
): Promise<Program> => ({
  name: "elasticmq",
  label: "ElasticMQ",
  command: java,
  args: [
    ...(await javaArgs(folder, "elasticmq", ELASTICMQ_HEAP)),
    "-XX:+UseSerialGC",
    `-Dconfig.file=${join(ROOT, "elasticmq.conf")}`,
    "-Drest-sqs.bind-hostname=127.0.0.1",
    `-Drest-sqs.bind-port=${ports.elasticmq}`,
    `-Dnode-address.port=${ports.elasticmq}`,
    "-cp",
    join(jars, "jars", "*"),
    "org.elasticmq.server.Main",
  ],
  isReady: () => isReady("elasticmq", urls.elasticmq),
  ...limits,
})

const elasticsearch = async (
  { folder, ports, dataFolders }: NativeServices,
  urls: Record<ServiceName, string>,
  java: string,
  home: string,
): Promise<Program> => ({
  name: "elasticsearch",
  label: "Elasticsearch",
  command: java,
  args: [
    ...(await javaArgs(folder, "elasticsearch", ELASTICSEARCH_HEAP)),
    "--enable-native-access=ALL-UNNAMED",
    `-Dlog4j.configurationFile=${join(ROOT, "local", "native", "log4j2.xml")}`,
    `-Des.path.home=${join(home, "home")}`,
    "-cp",
    `${join(home, "classes")}:${join(home, "jars", "*")}`,
    "chat.search.ElasticsearchLauncher",
    join(home, "home"),
    join(dataFolders?.elasticsearch ?? folder, "elasticsearch", "data"),
    `${ports.elasticsearch}`,
  ],
  isReady: () => isReady("elasticsearch", urls.elasticsearch),
  ...limits,
})

/**
 * Installs missing programs, then returns how to start each server.
 * @throws LaunchFailure when a program is missing and cannot be installed.
 */
export const nativeServers = async (
  own: readonly ServiceName[],
  services: NativeServices,
): Promise<Partial<Record<ServiceName, Server>>> => {
  const { folder, progress, signal } = services
  const installation: Installation = {
    progress,
    logFile: join(folder, "logs", "install.log"),
    ...(signal && { signal }),
  }
  const jarServers = (["elasticmq", "elasticsearch"] as const).filter((name) => own.includes(name))
  const javaMin = own.includes("elasticsearch")
    ? JAVA_FOR_ELASTICSEARCH
    : own.includes("elasticmq")
      ? JAVA_FOR_ELASTICMQ
      : undefined
  await installMissing(
    {
      mariadb: own.includes("mysql"),
      redis: own.includes("redis"),
      maven: jarServers.some((name) => !isAssembled(name)),
      java: javaMin,
    },
    installation,
  )
  const java = javaMin === undefined ? "java" : findJava(javaMin)
  if (!java) throw new LaunchFailure(`No Java ${javaMin} or newer was found after the installation: set JAVA_HOME.`)

  // One after the other: Maven's own folder does not support two runs at once.
  let assembled: Promise<unknown> = Promise.resolve()
  const jarsOf = (name: "elasticmq" | "elasticsearch", label: string) => {
    if (isAssembled(name)) return assemble(name, java, installation)
    const next = assembled.then(() => progress.step(`${label} from Maven`, () => assemble(name, java, installation)))
    assembled = next.catch(() => {})
    return next
  }
  const urls = await nativeUrls(folder, services.ports)
  const start = async (program: Promise<Program>) => supervise(await program, services)
  return {
    mysql: { label: "MariaDB", start: () => start(mariadb(services, urls)) },
    redis: { label: "Redis", start: () => start(redis(services, urls)) },
    elasticmq: {
      label: "ElasticMQ",
      start: async () => start(elasticmq(services, urls, java, await jarsOf("elasticmq", "ElasticMQ"))),
    },
    elasticsearch: {
      label: "Elasticsearch",
      start: async () => start(elasticsearch(services, urls, java, await jarsOf("elasticsearch", "Elasticsearch"))),
    },
  }
}
