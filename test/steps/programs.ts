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

/** Sends a signal some time after the program has said something, unless it has ended. Resolves to how it ended. */
export async function endedBy(
  { child, said, ended }: Running,
  signal: NodeJS.Signals,
  afterMs: number,
): Promise<Ended> {
  await Promise.race([ended, said.then(() => sleep(afterMs))])
  child.kill(signal)
  return await ended
}
