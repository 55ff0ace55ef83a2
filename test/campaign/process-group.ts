/** A server as a process group that somebody watches over: harmed by signals, found by its pid. */
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { processIdentity, signalGroup } from "../../local/processes.ts"
import type { Server } from "./target.ts"

const EXIT_POLL_MS = 5
const KIBIBYTE = 1024

/** The resident memory of a process group's members; undefined when there is none. */
const groupRssBytes = (group: number): number | undefined => {
  let kibibytes = 0
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    try {
      // proc(5): the command in parentheses may hold spaces; after it come the state, the parent and the group.
      const [, , of] = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
      if (Number(of) !== group) continue
      kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
    } catch {
      // It has just ended.
    }
  }
  return kibibytes > 0 ? kibibytes * KIBIBYTE : undefined
}

/**
 * A server whose process group's leader is `pid()`, undefined while it is down. `willKill` is told before a kill.
 * Killing or freezing one that is down does nothing.
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
      while (identity !== undefined && processIdentity(group) === identity) await sleep(EXIT_POLL_MS)
    },
    freeze: async () => signal("SIGSTOP"),
    thaw: async () => signal("SIGCONT"),
    async rssBytes() {
      const group = pid()
      return group === undefined || process.platform !== "linux" ? undefined : groupRssBytes(group)
    },
  }
}
