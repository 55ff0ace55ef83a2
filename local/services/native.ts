/** Runs the servers as processes of this machine: what each needs, and how it is started. */
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import { run } from "../run.ts"
import { type Program, type Supervised, type Supervision, supervise } from "../supervisor.ts"
import { type Assembled, assemble, isAssembled } from "./assemble.ts"
import { archiveArgs, lacksArchive, makeArchive } from "./class-archive.ts"
import {
  findJava,
  findProgram,
  findRedis,
  type Installation,
  installMissing,
  JAVA_FOR_ELASTICMQ,
  JAVA_FOR_ELASTICSEARCH,
  javaVersion,
} from "./install.ts"
import { JAVA_LABELS, javaProgram, READY_LIMIT_MS, STOP_LIMIT_MS } from "./java-servers.ts"
import { isReady } from "./probe.ts"
import type { Ports, ServiceName } from "./settings.ts"

/** Random bytes in the database user's password. */
const PASSWORD_BYTES = 18
/** A quarter of what the container may use; tests and demos hold less data. */
const MARIADB_BUFFER_POOL = "128M"
const REDIS_MEMORY_MAX = "1gb"
/** Of storage engines that no table of ours uses, but whose caches MariaDB makes at its start. */
const MARIADB_OTHER_CACHES = "1M"

export type NativeServices = Supervision & {
  ports: Ports
  /** Data folders outside the stack's folder. */
  dataFolders?: Partial<Record<ServiceName, string>>
  /** Lets MySQL count statements, as tests do, which takes 90 MB and a part of its time. */
  countsStatements?: boolean
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
  { folder, ports, signal, dataFolders, countsStatements = false }: NativeServices,
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
      `--performance-schema=${countsStatements ? "ON" : "OFF"}`,
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_bin",
      "--default-time-zone=+00:00",
      "--innodb-flush-log-at-trx-commit=1",
      // On a full disk a rollback needs room too, or the server aborts. InnoDB reserves some, but not in files below a
      // megabyte, such as a small table's own. The common file grows in small steps, as those do.
      "--innodb-file-per-table=OFF",
      "--innodb-autoextend-increment=1",
      `--innodb-buffer-pool-size=${MARIADB_BUFFER_POOL}`,
      `--aria-pagecache-buffer-size=${MARIADB_OTHER_CACHES}`,
      `--key-buffer-size=${MARIADB_OTHER_CACHES}`,
    ],
    isReady: () => isReady("mysql", urls.mysql),
    ...limits,
  }
}

/** Returns the arguments of a Redis that loses nothing that it has answered, with its data in a folder. */
export const redisArguments = (port: number, dir: string): string[] => {
  const settings = {
    port,
    bind: "127.0.0.1",
    dir,
    // Every answered write must be on disk: numbers and the outbox are kept nowhere else.
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    maxmemory: REDIS_MEMORY_MAX,
    "maxmemory-policy": "volatile-ttl",
    // Keeps the data folder in the command line, by which people find the process.
    "set-proc-title": "no",
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
}

const redis = async (
  { folder, ports, dataFolders }: NativeServices,
  urls: Record<ServiceName, string>,
): Promise<Program> => {
  const data = join(dataFolders?.redis ?? folder, "redis")
  await mkdir(data, { recursive: true })
  return {
    name: "redis",
    label: "Redis",
    command: findRedis() ?? "redis-server",
    argv0: "redis-server",
    args: redisArguments(ports.redis, data),
    isReady: () => isReady("redis", urls.redis),
    ...limits,
  }
}

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
  const found = { java, version: javaVersion(dirname(dirname(java))) ?? 0 }

  // One after the other: Maven's own folder does not support two runs at once.
  let assembled: Promise<unknown> = Promise.resolve()
  const jarsOf = (name: Assembled) => {
    if (isAssembled(name)) return assemble(name, java, installation)
    const label = `${JAVA_LABELS[name]} from Maven`
    const next = assembled.then(() => progress.step(label, () => assemble(name, java, installation)))
    assembled = next.catch(() => {})
    return next
  }
  const urls = await nativeUrls(folder, services.ports)
  const start = async (program: Promise<Program>) => supervise(await program, services)
  const javaServer = (name: Assembled): Server => ({
    label: JAVA_LABELS[name],
    async start() {
      const home = await jarsOf(name)
      if (lacksArchive(home, found))
        await progress.step(`Archive of ${JAVA_LABELS[name]}'s classes`, async () => {
          const why = await makeArchive(name, home, found, signal)
          if (why !== undefined)
            progress.line(`  ${JAVA_LABELS[name]} starts without an archive of its classes: ${why}`)
        })
      const data = join(services.dataFolders?.[name] ?? folder, name, "data")
      const place = { java, home, tmp: join(folder, name, "tmp"), data, port: services.ports[name] }
      return start(javaProgram(name, place, archiveArgs(home, found)))
    },
  })
  return {
    mysql: { label: "MariaDB", start: () => start(mariadb(services, urls)) },
    redis: { label: "Redis", start: () => start(redis(services, urls)) },
    elasticmq: javaServer("elasticmq"),
    elasticsearch: javaServer("elasticsearch"),
  }
}
