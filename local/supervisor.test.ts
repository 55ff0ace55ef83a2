import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { processIdentity, recordProcess, stopLeftovers } from "./processes.ts"
import type { Progress } from "./progress.ts"
import { backOffMs, type Program, type ProgramEnd, type Supervised, supervise } from "./supervisor.ts"

const LIMIT_MS = 10_000
const POLL_MS = 20

let folder: string
let lines: string[]
let supervised: Supervised | undefined
const progress: Progress = { line: (text) => lines.push(text), step: (_label, work) => work(), end: () => {} }

/** Returns a tiny server that runs `script`, writes its pid to `started` and waits. */
const program = (script = ""): Program => ({
  name: "tiny",
  label: "Tiny",
  command: process.execPath,
  args: [
    "-e",
    `${script};require("fs").writeFileSync(${JSON.stringify(join(folder, "started"))}, "" + process.pid);setInterval(() => {}, 1000)`,
  ],
  isReady: async () => existsSync(join(folder, "started")),
  readyLimitMs: LIMIT_MS,
  stopLimitMs: 300,
})

const eventually = async (condition: () => boolean) => {
  const limit = Date.now() + LIMIT_MS
  while (!condition() && Date.now() < limit) await sleep(POLL_MS)
  expect(condition()).toBe(true)
}
const startedPid = () => Number(existsSync(join(folder, "started")) ? readFileSync(join(folder, "started"), "utf8") : 0)
const isGone = (pid: number) => processIdentity(pid) === undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "supervisor-"))
  lines = []
})
afterEach(async () => {
  await supervised?.stop()
  supervised = undefined
  await stopLeftovers(folder)
  rmSync(folder, { recursive: true, force: true })
})

describe("the wait before another start", () => {
  test("after each end, it doubles, up to half a minute", () => {
    expect([0, 1, 2, 3, 10, 1000].map(backOffMs)).toEqual([500, 1000, 2000, 4000, 30_000, 30_000])
  })
})

describe("a supervised program", () => {
  test("that runs, when it is killed, is started again with one line each", async () => {
    supervised = await supervise(program(), { folder, progress })
    const first = startedPid()
    rmSync(join(folder, "started"))
    process.kill(first, "SIGKILL")
    await eventually(() => startedPid() !== 0 && startedPid() !== first && lines.length === 2)
    expect(lines).toEqual(["! Tiny ended (SIGKILL): starting it again in 0.5 s", "✓ Tiny is back"])
  })

  test("when a restart is asked for, is started again at once, without a line of its end", async () => {
    supervised = await supervise(program(), { folder, progress })
    const first = startedPid()
    rmSync(join(folder, "started"))
    await supervised.restart()
    await eventually(() => startedPid() !== 0 && startedPid() !== first && lines.length === 1)
    expect(lines).toEqual(["✓ Tiny is back"])
    expect(isGone(first)).toBe(true)
  })

  test("that waits to be started again, when a restart is asked for, waits no longer", async () => {
    supervised = await supervise(program(), { folder, progress, restartWaitMs: 60_000 })
    const first = startedPid()
    rmSync(join(folder, "started"))
    process.kill(first, "SIGKILL")
    await eventually(() => lines.length === 1)
    await supervised.restart()
    await eventually(() => startedPid() !== 0 && lines.length === 2)
    expect(lines).toEqual(["! Tiny ended (SIGKILL): starting it again in 60 s", "✓ Tiny is back"])
  })

  test("that ends at its start after a restart, shows the end of its log once, and is right again after the next", async () => {
    const script = `if (require("fs").existsSync(${JSON.stringify(join(folder, "wrong"))})) throw new Error("wrong code")`
    supervised = await supervise(program(script), { folder, progress, restartWaitMs: 10 })
    rmSync(join(folder, "started"))
    writeFileSync(join(folder, "wrong"), "")
    await supervised.restart()
    await eventually(() => lines.filter((line) => line.startsWith("! Tiny ended (exit code 1)")).length >= 3)
    expect(lines.filter((line) => line.includes("Error: wrong code"))).toHaveLength(1)
    rmSync(join(folder, "wrong"))
    await supervised.restart()
    await eventually(() => startedPid() !== 0 && lines.at(-1) === "✓ Tiny is back")
  })

  test("with a wait of its own, when it is killed again and again, is started after that and never before its end was told", async () => {
    const seen: string[] = []
    let allowed = () => {}
    const onEnd = ({ name, pid, why }: ProgramEnd) => {
      seen.push(`${name} ${pid} ${why}`)
      return new Promise<void>((resolve) => {
        allowed = resolve
      })
    }
    supervised = await supervise(program(), { folder, progress, restartWaitMs: 10, onEnd })
    for (let round = 1; round <= 3; round++) {
      const pid = startedPid()
      rmSync(join(folder, "started"))
      process.kill(pid, "SIGKILL")
      await eventually(() => seen.length === round)
      expect(seen[round - 1]).toBe(`tiny ${pid} SIGKILL`)
      expect(existsSync(join(folder, "run", "tiny.json"))).toBe(false)
      allowed()
      await eventually(() => startedPid() !== 0 && lines.length === 2 * round)
    }
    expect(lines.filter((line) => line.includes("again in 0.01 s"))).toHaveLength(3)
  })

  test("that ends before it answers, when started, fails with the end of its log", async () => {
    const failing = { ...program('console.error("no disk");process.exit(3)'), isReady: async () => false }
    await expect(supervise(failing, { folder, progress })).rejects.toMatchObject({
      message: expect.stringContaining("Tiny ended at its start (exit code 3)"),
      details: ["no disk"],
    })
    expect(await stopLeftovers(folder)).toEqual([])
  })

  test("that does not answer in time, when started, is killed and fails", async () => {
    const silent = { ...program(), isReady: async () => false, readyLimitMs: 1000 }
    await expect(supervise(silent, { folder, progress })).rejects.toThrow("did not answer within 1 s")
    await eventually(() => isGone(startedPid()))
  })

  test("that ignores SIGTERM, and has a child, when stopped, is killed with its child", async () => {
    const child = join(folder, "child")
    const spawns = `process.on("SIGTERM", () => {});require("fs").writeFileSync(${JSON.stringify(child)}, "" + require("child_process").spawn("sleep", ["60"]).pid)`
    const stubborn = await supervise(program(spawns), { folder, progress })
    const pids = [startedPid(), Number(readFileSync(child, "utf8"))]
    await stubborn.stop()
    await eventually(() => pids.every(isGone))
    expect(existsSync(join(folder, "run", "tiny.json"))).toBe(false)
  })

  test("that ignores SIGTERM, when a second signal asks to hurry, is killed at once", async () => {
    const hurry = new AbortController()
    const patient = { ...program('process.on("SIGTERM", () => {})'), stopLimitMs: 60_000 }
    const stubborn = await supervise(patient, { folder, progress, hurry: hurry.signal })
    const stopped = stubborn.stop()
    hurry.abort()
    await stopped
    expect(isGone(startedPid())).toBe(true)
  })

  test("that cannot be found, when started, fails with its name", async () => {
    await expect(supervise({ ...program(), command: "/no/such/program" }, { folder, progress })).rejects.toThrow(
      "Tiny ended at its start",
    )
  })
})

describe("what an earlier run left", () => {
  test("a process that is still there, when the next run looks, is stopped", async () => {
    const left = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" })
    const pid = left.pid ?? 0
    recordProcess(folder, "left", pid)
    expect(await stopLeftovers(folder)).toEqual(["left"])
    expect(isGone(pid)).toBe(true)
  })

  test("a pid that somebody else has by now, when the next run looks, is left alone", async () => {
    supervised = await supervise(program(), { folder, progress })
    writeFileSync(join(folder, "run", "old.json"), JSON.stringify({ pid: process.pid, identity: "another boot/1" }))
    rmSync(join(folder, "run", "tiny.json"))
    expect(await stopLeftovers(folder)).toEqual([])
    expect(isGone(startedPid())).toBe(false)
  })
})
