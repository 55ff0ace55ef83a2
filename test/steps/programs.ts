// Runs the client's programs as users do, each in a process of its own.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { ROOT } from "../../local/services/settings.ts"
import { childEnvironment } from "./running-api.ts"

export type Ended = { code: number | null; stdout: string; stderr: string }
/** `said` resolves with its first words. */
export type Running = { child: ChildProcess; said: Promise<unknown>; ended: Promise<Ended> }
type Program = "chat-import" | "chat-export"

export function startProgram(
  program: Program,
  args: string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
) {
  const child = spawn(process.execPath, [join(ROOT, "client", "programs", `${program}.ts`), ...args], {
    cwd,
    env: childEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  })
  const ended: Ended = { code: null, stdout: "", stderr: "" }
  child.stdout.on("data", (data) => {
    ended.stdout += String(data)
  })
  child.stderr.on("data", (data) => {
    ended.stderr += String(data)
  })
  const said = Promise.race([once(child.stdout, "data"), once(child.stderr, "data")])
  const end = once(child, "close").then(([code]) => ({ ...ended, code: code as number | null }))
  return { child, said, ended: end } satisfies Running
}

const POLL_MS = 2

/**
 * Sends a signal once the program has said something and come as far as told, unless it has ended. Resolves to how it
 * ended. How far a program has come, and not a time, decides: a time that is short here is long on a faster machine.
 */
export async function endedOnce(
  { child, said, ended }: Running,
  signal: NodeJS.Signals,
  hasCome: () => Promise<boolean>,
): Promise<Ended> {
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  await Promise.race([ended, said])
  while (!isOver && !(await hasCome())) await sleep(POLL_MS)
  child.kill(signal)
  return await ended
}
