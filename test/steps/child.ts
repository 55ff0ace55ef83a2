// Runs programs to their end.
import { spawn } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { signalGroup } from "../../local/processes.ts"

export type Ran = { code: number | null; stdout: string; stderr: string }
type Options = { cwd: string; env: NodeJS.ProcessEnv; limitMs: number }

/** Runs a Node.js script to its end. If it does not end in time, kills its group and throws. */
export async function runNode(args: string[], { cwd, env, limitMs }: Options): Promise<Ran> {
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  const ran: Ran = { code: null, stdout: "", stderr: "" }
  child.stdout.on("data", (data) => (ran.stdout += String(data)))
  child.stderr.on("data", (data) => (ran.stderr += String(data)))
  const ended = new Promise<true>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => {
      ran.code = code
      resolve(true)
    })
  })
  const timer = new AbortController()
  const inTime = await Promise.race([ended, sleep(limitMs, false, { signal: timer.signal }).catch(() => false)])
  timer.abort()
  if (inTime) return ran
  signalGroup(child.pid as number, "SIGKILL")
  throw new Error(`${args.join(" ")} did not end within ${limitMs} ms:\n${ran.stdout}\n${ran.stderr}`)
}
