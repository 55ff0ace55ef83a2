import { spawn } from "node:child_process"
import { appendFileSync, mkdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { createInterface } from "node:readline"
import { LaunchFailure } from "./failure.ts"

/** Log lines shown with a failure: enough for a chain of causes, few enough to read. */
const LOG_LINES_SHOWN = 12
/** Output kept of a command; what the launcher reads back is shorter. */
const OUTPUT_BYTES_MAX = 1_048_576

/** Returns the lines without stack frames, which would push the message out of sight. */
const withoutFrames = (text: string): string[] =>
  text.split("\n").filter((line) => line.trim() !== "" && !/^\s+at /.test(line))

const lastLines = (text: string): string[] => withoutFrames(text).slice(-LOG_LINES_SHOWN)

/** Returns the last lines of a log file without stack frames; none when it cannot be read. */
export const logTail = (path: string): string[] => {
  try {
    return lastLines(readFileSync(path, "utf8"))
  } catch {
    return []
  }
}

/** Returns the first lines of a log file from a byte on, without stack frames. */
export const logHead = (path: string, from: number): string[] =>
  withoutFrames(readFileSync(path).subarray(from).toString()).slice(0, LOG_LINES_SHOWN)

export type RunOptions = {
  env?: Record<string, string>
  cwd?: string
  /** The output is also appended to this file. */
  logFile?: string
  /** Called with each line of stdout as it comes. */
  onLine?: (line: string) => void
  /** Called with each line of stderr as it comes. */
  onErrorLine?: (line: string) => void
  signal?: AbortSignal
  timeoutMs?: number
}

/**
 * Runs a command to its end and returns what it printed on stdout (the last 1 MiB).
 * @throws LaunchFailure with its last lines when it cannot be started, fails or takes too long.
 */
export const run = (command: string, args: readonly string[], options: RunOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const signals = [options.signal, options.timeoutMs && AbortSignal.timeout(options.timeoutMs)].filter(
      (signal) => !!signal,
    )
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd && { cwd: options.cwd }),
      signal: AbortSignal.any(signals),
    })
    let stdout = ""
    let all = ""
    const take = (chunk: Buffer) => {
      all = (all + chunk).slice(-OUTPUT_BYTES_MAX)
      if (!options.logFile) return
      mkdirSync(dirname(options.logFile), { recursive: true })
      appendFileSync(options.logFile, chunk)
    }
    child.stdout.on("data", (chunk: Buffer) => {
      stdout = (stdout + chunk).slice(-OUTPUT_BYTES_MAX)
      take(chunk)
    })
    child.stderr.on("data", take)
    if (options.onLine) createInterface({ input: child.stdout }).on("line", options.onLine)
    if (options.onErrorLine) createInterface({ input: child.stderr }).on("line", options.onErrorLine)
    const fail = (why: string) => {
      reject(new LaunchFailure(`${[command, ...args].join(" ")} ${why}.`, lastLines(all)))
    }
    child.on("error", (error) =>
      fail(error.name === "AbortError" ? "was stopped" : `could not be run: ${error.message}`),
    )
    child.on("close", (code, signal) =>
      code === 0 ? resolve(stdout) : fail(`ended with ${signal ?? `exit code ${code}`}`),
    )
  })

/** Returns whether a command succeeds within `timeoutMs`. */
export const succeeds = (command: string, args: readonly string[], timeoutMs: number): Promise<boolean> =>
  run(command, args, { timeoutMs }).then(
    () => true,
    () => false,
  )
