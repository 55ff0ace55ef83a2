/**
 * DESIGN. Every long-lived process leads its own process group and has a file `<folder>/run/<name>.json` with its pid
 * and identity (boot and start time). After a launcher was killed, the next start finds and stops what it left, and
 * never touches a pid that has since been reused. Absent: processes that leave their group; none of the services does.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { LaunchFailure } from "./failure.ts"

/** A process left by an earlier run is killed if it takes longer to stop. */
const LEFTOVER_STOP_LIMIT_MS = 10_000
const EXIT_POLL_MS = 25

type ProcessRecord = { pid: number; identity: string }

/** Returns an identity that differs for a later process with the same pid; undefined for none, or a zombie. */
export const processIdentity = (pid: number): string | undefined => {
  try {
    if (process.platform !== "linux")
      return (
        execFileSync("ps", ["-o", "lstart=", "-p", `${pid}`])
          .toString()
          .trim() || undefined
      )
    // proc(5): after the command in parentheses, which may hold spaces, come the state and, 19 fields later, the start.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    if (fields[0] === "Z") return undefined
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${fields[19]}`
  } catch {
    return undefined
  }
}

/** Sends a signal to a process group, and ignores a group that is gone. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is empty.
  }
}

const recordPath = (folder: string, name: string) => join(folder, "run", `${name}.json`)

const readRecord = (path: string): ProcessRecord | undefined => {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessRecord
  } catch {
    return undefined
  }
}

const isAlive = (record: ProcessRecord) => processIdentity(record.pid) === record.identity

const writeRecord = (path: string, pid: number, flag: "w" | "wx") => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, JSON.stringify({ pid, identity: processIdentity(pid) ?? "" }), { flag })
}

/** Records a process that was just started. */
export const recordProcess = (folder: string, name: string, pid: number): void =>
  writeRecord(recordPath(folder, name), pid, "w")

/** Returns the pid recorded under a name, if that process is alive. */
export const recordedProcess = (folder: string, name: string): number | undefined => {
  const record = readRecord(recordPath(folder, name))
  return record && isAlive(record) ? record.pid : undefined
}

/** Forgets a process that has ended. */
export const forgetProcess = (folder: string, name: string): void => rmSync(recordPath(folder, name), { force: true })

const stopRecorded = async (record: ProcessRecord) => {
  const limit = Date.now() + LEFTOVER_STOP_LIMIT_MS
  if (isAlive(record)) process.kill(record.pid, "SIGTERM")
  while (isAlive(record) && Date.now() < limit) await sleep(EXIT_POLL_MS)
  signalGroup(record.pid, "SIGKILL")
  while (isAlive(record)) await sleep(EXIT_POLL_MS)
}

/** Stops, in parallel, the processes that an earlier run left in this folder. Returns their names. */
export const stopLeftovers = async (folder: string): Promise<string[]> => {
  mkdirSync(join(folder, "run"), { recursive: true })
  const files = readdirSync(join(folder, "run")).filter((name) => name.endsWith(".json"))
  const stopped = await Promise.all(
    files.map(async (file) => {
      const record = readRecord(join(folder, "run", file))
      const alive = record !== undefined && isAlive(record)
      if (alive) await stopRecorded(record)
      rmSync(join(folder, "run", file), { force: true })
      return alive ? file.replace(/\.json$/, "") : undefined
    }),
  )
  return stopped.filter((name) => name !== undefined)
}

/**
 * Locks the folder, so that two launchers never share it. Returns a function that unlocks it.
 * @throws LaunchFailure when a live launcher holds the lock.
 */
export const lockFolder = (folder: string): (() => void) => {
  const path = `${folder}.lock`
  const earlier = readRecord(path)
  if (earlier && isAlive(earlier)) {
    throw new LaunchFailure(`Another run (pid ${earlier.pid}) uses ${folder}: stop it first, then try again.`)
  }
  rmSync(path, { force: true })
  try {
    writeRecord(path, process.pid, "wx")
  } catch (error) {
    throw new LaunchFailure(`Another run is just starting in ${folder} (${(error as Error).message}): stop it first.`)
  }
  return () => rmSync(path, { force: true })
}
