/** One server of a Redis Cluster: its settings, its process, and connections to it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "ioredis"
import { LaunchFailure } from "../failure.ts"
import { forgetProcess, recordProcess, signalGroup } from "../processes.ts"
import { logTail } from "../run.ts"
import type { ProgramEnd } from "../supervisor.ts"
import type { Certificates } from "./certificates.ts"

/** A server answers within tenths of a second, but later on a busy machine or with much to load. */
const READY_LIMIT_MS = 30_000
const READY_POLL_MS = 20
const CONNECT_LIMIT_MS = 2_000
/** Longer than any command but a MIGRATE of very large keys. A frozen node is given up after it. */
const COMMAND_LIMIT_MS = 5_000
/** As the native Redis of the services has. */
const MEMORY_MAX = "1gb"

type Role = "master" | "replica"

export type ClusterNode = {
  /** Such as "node-1": the name of its folder, its log and the record of its process. */
  readonly name: string
  /** The name that the cluster knows it by; it stays through restarts. */
  readonly id: string
  /** The port that it listens on. */
  readonly port: number
  /** Where clients are told to reach it. */
  readonly url: string
  /** Undefined while it is down. Its process leads a group of its own. */
  readonly pid: number | undefined
  readonly isFrozen: boolean
  /** What it was when the cluster was last seen healthy. */
  readonly role: Role
}

/** The ports of a node: its own, that of the cluster's bus, and that on which clients are told to reach it. */
export type NodePorts = { port: number; busPort: number; announced: number }

/** What all nodes of a cluster have in common. */
export type NodeProgram = {
  command: string
  /** The program's argv[0], by which Debian's one binary knows that it is to be the server. */
  argv0: string
  /** Holds the nodes' data, logs and records. */
  folder: string
  settings: Record<string, string>
  certificates: Certificates | undefined
  /** Called at each end of a node that was not asked for. */
  onEnd?: (end: ProgramEnd) => void
}

export type NodeServer = ClusterNode & {
  role: Role
  /** When it was first seen as the master that it now is, by the monotonic clock. */
  promotedAt: number
  readonly ports: NodePorts
  /** Starts the process and resolves once it answers and has loaded its data. */
  start(): Promise<void>
  /** Sends SIGKILL and resolves once the process is gone. */
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Calls `use` with a connection of its own, which is closed afterwards. */
  use<Result>(use: (redis: Redis) => Promise<Result>): Promise<Result>
}

const settingsOf = (
  { port, busPort, announced }: NodePorts,
  folder: string,
  { settings, certificates }: NodeProgram,
): Record<string, string> => ({
  bind: "127.0.0.1",
  dir: folder,
  ...(certificates
    ? {
        port: "0",
        "tls-port": `${port}`,
        "tls-cert-file": certificates.certificateFile,
        "tls-key-file": certificates.keyFile,
        "tls-ca-cert-file": certificates.authorityFile,
        // Clients need no certificate, as with the services of AWS.
        "tls-auth-clients": "no",
        "tls-cluster": "yes",
        "tls-replication": "yes",
        "cluster-announce-tls-port": `${announced}`,
      }
    : { port: `${port}`, "cluster-announce-port": `${announced}` }),
  appendonly: "yes",
  appendfsync: "always",
  save: "",
  maxmemory: MEMORY_MAX,
  "maxmemory-policy": "volatile-ttl",
  "set-proc-title": "no",
  "cluster-enabled": "yes",
  "cluster-port": `${busPort}`,
  "cluster-announce-ip": "127.0.0.1",
  "cluster-config-file": "nodes.conf",
  // A replica stays with the master that a test has given it.
  "cluster-allow-replica-migration": "no",
  // A replica's first copy does not wait for others.
  "repl-diskless-sync-delay": "0",
  ...settings,
})

const connection = (port: number, certificates: Certificates | undefined) => {
  const redis = new Redis({
    host: "127.0.0.1",
    port,
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    connectTimeout: CONNECT_LIMIT_MS,
    commandTimeout: COMMAND_LIMIT_MS,
    // Whatever it is for: a client under test is to judge that.
    ...(certificates && { tls: { ca: certificates.authority, checkServerIdentity: () => undefined } }),
  })
  redis.on("error", () => undefined)
  return redis
}

/** Returns whether the server that answers is the process started, and has loaded its data. */
const answersAs = async (pid: number, redis: Redis) => {
  const lines = (await redis.info()).split("\r\n")
  // Whole lines: "async_loading:0" is also there while the data is being loaded.
  return lines.includes(`process_id:${pid}`) && lines.includes("loading:0")
}

/** Returns the process of a node, which is launched again and again. */
const nodeProcess = (name: string, args: readonly string[], logFile: string, program: NodeProgram) => {
  const { folder } = program
  let running: { pid: number; ended: Promise<void> } | undefined
  let isFrozen = false
  let isKilled = false

  const launch = async (): Promise<number> => {
    const log = openSync(logFile, "a")
    const child = spawn(program.command, args, { argv0: program.argv0, detached: true, stdio: ["ignore", log, log] })
    closeSync(log)
    await once(child, "spawn")
    const pid = child.pid as number
    recordProcess(folder, name, pid)
    isKilled = false
    const ended = new Promise<void>((resolve) => {
      child.once("exit", (code, signal) => {
        forgetProcess(folder, name)
        running = undefined
        isFrozen = false
        if (!isKilled) program.onEnd?.({ name, pid, why: signal ?? `exit code ${code}` })
        resolve()
      })
    })
    running = { pid, ended }
    return pid
  }
  return {
    launch,
    pid: () => running?.pid,
    isFrozen: () => isFrozen,
    async kill() {
      if (!running) return
      isKilled = true
      const { pid, ended } = running
      signalGroup(pid, "SIGKILL")
      await ended
    },
    freeze() {
      if (!running) throw new Error(`${name} is down`)
      signalGroup(running.pid, "SIGSTOP")
      isFrozen = true
    },
    thaw() {
      if (running) signalGroup(running.pid, "SIGCONT")
      isFrozen = false
    },
  }
}

/** Returns a node that has not been started, with a folder of its own. */
export const clusterNode = (name: string, ports: NodePorts, program: NodeProgram): NodeServer => {
  const { folder, certificates } = program
  const { port, announced } = ports
  const data = join(folder, name)
  const logFile = join(folder, "logs", `${name}.log`)
  const args = Object.entries(settingsOf(ports, data, program)).flatMap(([key, value]) => [`--${key}`, value])
  mkdirSync(data, { recursive: true })
  mkdirSync(join(folder, "logs"), { recursive: true })
  const { pid, isFrozen, launch, kill, freeze, thaw } = nodeProcess(name, args, logFile, program)
  let id = ""

  const use: NodeServer["use"] = async (act) => {
    const redis = connection(port, certificates)
    try {
      await redis.connect()
      return await act(redis)
    } finally {
      redis.disconnect()
    }
  }

  return {
    name,
    port,
    ports,
    url: `${certificates ? "rediss" : "redis"}://127.0.0.1:${announced}`,
    role: "master",
    promotedAt: Number.NEGATIVE_INFINITY,
    use,
    kill,
    freeze,
    thaw,
    get id() {
      return id
    },
    get pid() {
      return pid()
    },
    get isFrozen() {
      return isFrozen()
    },
    async start() {
      const started = pid() ?? (await launch())
      const limit = performance.now() + READY_LIMIT_MS
      while (!(await use((redis) => answersAs(started, redis)).catch(() => false))) {
        const why = pid() !== started ? "ended at its start" : performance.now() > limit && "does not answer"
        if (why) throw new LaunchFailure(`${name} ${why} (log: ${logFile}).`, logTail(logFile))
        await sleep(READY_POLL_MS)
      }
      id = `${await use((redis) => redis.call("CLUSTER", "MYID"))}`
    },
  }
}
