// If a freeze did not freeze, or a frozen server survived a kill, a campaign would prove nothing.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { processIdentity, signalGroup } from "../../local/processes.ts"
import { eventually } from "../../test/steps/eventually.ts"
import { processesOfGroup, processGroup, processorMsOf, processTree, rssBytesOf } from "./process-group.ts"
import type { Server } from "./target.ts"

const LIMIT_MS = 5_000
/** Less than any Node.js program uses. */
const PROGRAM_BYTES_MIN = 10_000_000

/** User and kernel time are each off by up to a tick of 10 ms; on a busy machine reading them takes some time too. */
const TICKS_OFF_MS = 20
const LOOKING_MS = 200

let leader: ChildProcess
let childPid: number
let killed: number[]
let server: Server

/** Starts a program with a child in its own process group, like every server. */
beforeEach(async () => {
  const script = `console.log(require("node:child_process").spawn("sleep", ["60"]).pid);setInterval(() => {}, 1000)`
  leader = spawn(process.execPath, ["-e", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] })
  const [line] = (await once(leader.stdout as NodeJS.ReadableStream, "data")) as [Buffer]
  childPid = Number(line)
  killed = []
  server = processGroup(
    { name: "redis", kind: "redis" },
    () => leader.pid,
    (pid) => killed.push(pid),
  )
})
afterEach(() => signalGroup(leader.pid as number, "SIGKILL"))

const stateOf = (pid: number) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]

const onLinux = process.platform === "linux" ? describe : describe.skip
onLinux("a server as a process group", () => {
  test("with a child, when frozen and thawed, stops with it and goes on with it", async () => {
    await server.freeze()
    await eventually(() => expect([leader.pid as number, childPid].map(stateOf)).toEqual(["T", "T"]), LIMIT_MS)
    await server.thaw()
    await eventually(() => expect([leader.pid as number, childPid].map(stateOf)).toEqual(["S", "S"]), LIMIT_MS)
  })

  test("that is frozen, when killed, is dead with its child once that is said, and the kill was announced", async () => {
    await server.freeze()
    await server.kill()
    expect(processIdentity(leader.pid as number)).toBeUndefined()
    expect(killed).toEqual([leader.pid])
    await eventually(() => expect(processIdentity(childPid)).toBeUndefined(), LIMIT_MS)
  })

  test("that runs, when measured, has the memory of all of its processes, and one that does not has none", async () => {
    const pid = leader.pid as number
    expect(processTree(pid)).toEqual([pid, childPid])
    expect(rssBytesOf([pid])).toBeGreaterThan(PROGRAM_BYTES_MIN)
    expect(await server.rssBytes()).toBeGreaterThan(rssBytesOf([pid]) as number)
    const down = processGroup(
      { name: "redis", kind: "redis" },
      () => undefined,
      () => undefined,
    )
    expect(await down.rssBytes()).toBeUndefined()
    await down.kill()
  })

  test("has its processes counted with the time that they have used", async () => {
    const pid = leader.pid as number
    expect(processesOfGroup(pid).toSorted()).toEqual([pid, childPid].toSorted())
    const { user, system } = process.cpuUsage()
    const used = (user + system) / 1000
    const own = processorMsOf([process.pid])
    expect(own).toBeGreaterThan(used - TICKS_OFF_MS)
    expect(own).toBeLessThan(used + TICKS_OFF_MS + LOOKING_MS)
    expect(processorMsOf([process.pid, pid])).toBeGreaterThan(own)
  })
})
