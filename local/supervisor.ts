/**
 * DESIGN. Each program has a loop that starts it, waits until it answers, waits until it ends, and restarts it after a
 * wait that doubles. A program that ends before it has ever answered is a failed start, left to a person.
 * Promised: stop() leaves no process of the group. Absent: the detection of programs that hang.
 */
import { spawn } from "node:child_process"
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from "node:fs"
import { join, relative } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { LaunchFailure } from "./failure.ts"
import { forgetProcess, recordProcess, signalGroup } from "./processes.ts"
import type { Progress } from "./progress.ts"
import { logHead, logTail } from "./run.ts"

/** Short compared with any start-up time, and cheap. */
const READY_POLL_MS = 100
/** First wait before a restart: short, for a service that was killed by mistake. */
const BACK_OFF_FIRST_MS = 500
/** Longest wait before a restart; within it a service recovers once, say, its full disk has been emptied. */
const BACK_OFF_MAX_MS = 30_000
/** After a program has run this long, the wait starts from the first again. */
const BACK_OFF_FORGIVEN_MS = 60_000

/** A long-running program, as the supervisor needs to know it. */
export type Program = {
  /** The name of its log and pid file. */
  name: string
  /** Its name in messages. */
  label: string
  command: string
  args: readonly string[]
  /** The program's argv[0], where that decides what it does. */
  argv0?: string
  env?: Record<string, string>
  cwd?: string
  isReady: () => Promise<boolean>
  readyLimitMs: number
  /** Time from SIGTERM to SIGKILL. */
  stopLimitMs: number
}

export type Supervision = {
  /** Holds pid files and logs. */
  folder: string
  progress: Progress
  /** Ends the wait for a start. */
  signal?: AbortSignal
  /** Cuts the wait for an orderly stop short. */
  hurry?: AbortSignal
  /** The wait before each restart; if absent, it doubles each time. */
  restartWaitMs?: number
  /** Called at each unexpected end; the program is restarted only after this has resolved. */
  onEnd?: (end: ProgramEnd) => void | Promise<void>
}

/** How a program ended: `why` is a signal, an exit code, or the reason it could not be run. */
export type ProgramEnd = { name: string; pid: number | undefined; why: string }

export type Supervised = {
  logFile: string
  /** Stops the program, which then starts again at once, also while it waits for another start. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Returns the milliseconds to wait before the next restart, after `failures` earlier ones. */
export const backOffMs = (failures: number): number => Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** failures)

/** Returns the path of a program's log file. The log of the run before is kept beside it as `.1`. */
const freshLog = (folder: string, name: string) => {
  const path = join(folder, "logs", `${name}.log`)
  mkdirSync(join(folder, "logs"), { recursive: true })
  if (existsSync(path)) renameSync(path, `${path}.1`)
  return path
}

const launch = (program: Program, folder: string, logFile: string) => {
  const log = openSync(logFile, "a")
  const child = spawn(program.command, program.args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...program.env },
    ...(program.cwd && { cwd: program.cwd }),
    ...(program.argv0 && { argv0: program.argv0 }),
  })
  closeSync(log)
  if (child.pid) recordProcess(folder, program.name, child.pid)
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message))
    child.once("exit", (code, signal) => {
      if (child.pid) signalGroup(child.pid, "SIGKILL")
      forgetProcess(folder, program.name)
      resolve(signal ?? `exit code ${code}`)
    })
  })
  return { pid: child.pid, unref: () => child.unref(), ended }
}

type Run = ReturnType<typeof launch>

/** Returns true once a program answers; false when its time is up or `signal` is aborted. */
const untilReady = async (program: Program, signal: AbortSignal): Promise<boolean> => {
  const limit = Date.now() + program.readyLimitMs
  while (!signal.aborted && Date.now() < limit) {
    if (await program.isReady().catch(() => false)) return true
    await sleep(READY_POLL_MS)
  }
  return false
}

/** Waits until a program answers, ends or runs out of time, and returns which. */
const readyOrEnded = async (program: Program, run: Run, signal: AbortSignal | undefined) => {
  const ended = new AbortController()
  const waitFor = AbortSignal.any([ended.signal, ...(signal ? [signal] : [])])
  const first = await Promise.race([run.ended, untilReady(program, waitFor)])
  ended.abort()
  if (first === true) return "ready"
  return first === false ? "late" : { ended: first }
}

const stopRun = async (program: Program, run: Run, hurry: AbortSignal | undefined) => {
  if (!run.pid) return
  const enough = new AbortController()
  const limit = AbortSignal.any([enough.signal, ...(hurry ? [hurry] : [])])
  try {
    process.kill(run.pid, "SIGTERM")
  } catch {
    // It has just ended on its own.
  }
  await Promise.race([run.ended, sleep(program.stopLimitMs, undefined, { signal: limit }).catch(() => {})])
  enough.abort()
  signalGroup(run.pid, "SIGKILL")
  await run.ended
}

/**
 * Starts a program in its own process group and resolves once it answers. From then on it restarts the program whenever
 * it ends, until stop().
 * @throws LaunchFailure with the end of its log when it does not come up; none of its processes is left then.
 */
export const supervise = async (program: Program, supervision: Supervision): Promise<Supervised> => {
  const { folder, progress, signal, hurry } = supervision
  const logFile = freshLog(folder, program.name)
  const stopped = new AbortController()
  let run = launch(program, folder, logFile)
  let startedAt = Date.now()

  const outcome = await readyOrEnded(program, run, signal)
  if (outcome !== "ready") {
    await stopRun(program, run, hurry)
    if (signal?.aborted) throw new LaunchFailure(`${program.label}: the start was stopped.`)
    const why =
      outcome === "late"
        ? `did not answer within ${program.readyLimitMs / 1000} s`
        : `ended at its start (${outcome.ended})`
    throw new LaunchFailure(
      `${program.label} ${why}. The end of its log, ${relative(process.cwd(), logFile)}:`,
      logTail(logFile),
    )
  }

  /** Aborted by restart(), until the program is started again. */
  let asked = new AbortController()
  const startAgain = async (failures: number) => {
    const from = statSync(logFile).size
    run = launch(program, folder, logFile)
    startedAt = Date.now()
    const again = await readyOrEnded(program, run, stopped.signal)
    if (again === "ready") progress.line(`✓ ${program.label} is back`)
    // Once, not at each try.
    if (typeof again === "object" && failures === 0 && !stopped.signal.aborted && !asked.signal.aborted)
      for (const line of logHead(logFile, from)) progress.line(`  ${line}`)
    if (again === "late" && !stopped.signal.aborted) signalGroup(run.pid ?? 0, "SIGKILL")
    return failures + 1
  }
  const waitAfter = async (why: string, failures: number) => {
    const waitMs = supervision.restartWaitMs ?? backOffMs(failures)
    await supervision.onEnd?.({ name: program.name, pid: run.pid, why })
    progress.line(`! ${program.label} ended (${why}): starting it again in ${waitMs / 1000} s`)
    const signal = AbortSignal.any([stopped.signal, asked.signal])
    await sleep(waitMs, undefined, { signal }).catch(() => {})
  }
  const keepAlive = async () => {
    let failures = 0
    for (let why = await run.ended; !stopped.signal.aborted; why = await run.ended) {
      if (Date.now() - startedAt >= BACK_OFF_FORGIVEN_MS) failures = 0
      if (!asked.signal.aborted) await waitAfter(why, failures)
      if (stopped.signal.aborted) return
      if (asked.signal.aborted) failures = 0
      asked = new AbortController()
      failures = await startAgain(failures)
    }
  }
  const alive = keepAlive()

  return {
    logFile,
    async restart() {
      asked.abort()
      await stopRun(program, run, hurry)
    },
    async stop() {
      stopped.abort()
      await stopRun(program, run, hurry)
      await alive
    },
  }
}
