/** Kills, freezes and measures a supervised server as a process group. */
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { processIdentity, signalGroup } from "../../local/processes.ts"
import type { Server } from "./target.ts"

const EXIT_POLL_MS = 5
const KIBIBYTE = 1024
/** proc(5): times are in ticks, a hundredth of a second on today's Linux. */
const TICK_MS = 10

type Process = { pid: number; parent: number; group: number }

/** Returns every process of this machine (Linux only). */
const processes = (): Process[] =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // proc(5): the command in parentheses may hold spaces; after it come the state, the parent and the group.
      const [, parent, group] = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
      return [{ pid: Number(name), parent: Number(parent), group: Number(group) }]
    } catch {
      // It has just ended.
      return []
    }
  })

/** Returns a process and its descendants: those of a container, except ones entered later by `docker exec`. */
export const processTree = (root: number): number[] => {
  const all = processes()
  const tree = [root]
  for (const pid of tree) for (const child of all) if (child.parent === pid) tree.push(child.pid)
  return tree
}

/** Returns the processes of a leader's group. */
export const processesOfGroup = (leader: number): number[] =>
  processes().flatMap(({ pid, group }) => (group === leader ? [pid] : []))

/** Returns the milliseconds of processor time used by those of the processes that still run (Linux only). */
export const processorMsOf = (pids: readonly number[]): number => {
  let ticks = 0
  for (const pid of pids) {
    try {
      // utime and stime, after the command in parentheses and eleven others.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has just ended.
    }
  }
  return ticks * TICK_MS
}

/** Returns the resident memory of the processes; undefined if none is left. */
export const rssBytesOf = (pids: readonly number[]): number | undefined => {
  let kibibytes = 0
  for (const pid of pids) {
    try {
      kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
    } catch {
      // It has just ended.
    }
  }
  return kibibytes > 0 ? kibibytes * KIBIBYTE : undefined
}

/** Waits until the process of that identity is gone. */
export const untilGone = async (pid: number, identity: string | undefined): Promise<void> => {
  while (identity !== undefined && processIdentity(pid) === identity) await sleep(EXIT_POLL_MS)
}

/**
 * Returns the server whose group is led by `pid()`, undefined while it is down; then a kill or freeze does nothing.
 * `willKill` is called before a kill.
 */
export const processGroup = (
  { name, kind }: Pick<Server, "name" | "kind">,
  pid: () => number | undefined,
  willKill: (pid: number) => void,
): Server => {
  const signal = (which: NodeJS.Signals) => {
    const group = pid()
    if (group !== undefined) signalGroup(group, which)
  }
  return {
    name,
    kind,
    async kill() {
      const group = pid()
      if (group === undefined) return
      const identity = processIdentity(group)
      willKill(group)
      signalGroup(group, "SIGKILL")
      await untilGone(group, identity)
    },
    freeze: async () => signal("SIGSTOP"),
    thaw: async () => signal("SIGCONT"),
    async rssBytes() {
      const group = pid()
      if (group === undefined || process.platform !== "linux") return undefined
      return rssBytesOf(processesOfGroup(group))
    },
  }
}
