// npm test: starts services on their own ports with fresh data, migrates, runs jest with the arguments, and cleans up.
import { spawn } from "node:child_process"
import { constants } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { failureLines } from "./failure.ts"
import { stopLeftovers } from "./processes.ts"
import { progressOn } from "./progress.ts"
import { run } from "./run.ts"
import { ROOT, stackFolder } from "./services/settings.ts"
import { keptStack, startServices } from "./services/start.ts"
import { stopSignals } from "./signals.ts"

const { stop, hurry } = stopSignals()
const progress = progressOn(process.stderr)
const keep = process.env.CHAT_KEEP_SERVICES === "1"

/** Runs jest to its end and returns its exit code. */
const runJest = (env: Record<string, string>) =>
  new Promise<number>((resolve, reject) => {
    const options = [process.env.NODE_OPTIONS, "--experimental-vm-modules", "--disable-warning=ExperimentalWarning"]
    const jest = spawn(
      process.execPath,
      [fileURLToPath(import.meta.resolve("jest/bin/jest")), ...process.argv.slice(2)],
      {
        cwd: ROOT,
        stdio: "inherit",
        env: { ...process.env, ...env, NODE_OPTIONS: options.filter(Boolean).join(" ") },
      },
    )
    stop.addEventListener("abort", () => jest.kill("SIGTERM"))
    hurry.addEventListener("abort", () => jest.kill("SIGKILL"))
    jest.once("error", reject)
    jest.once("exit", (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)))
  })

const main = async () => {
  const kept = keep ? await keptStack("test") : undefined
  const stack = kept ? undefined : await startServices({ name: "test", progress, signal: stop, hurry, fresh: true })
  const env = kept ?? stack?.env ?? {}
  try {
    await progress.step("Migrations", () =>
      run(process.execPath, [join("local", "migrate.ts")], { cwd: ROOT, env, signal: stop }),
    )
    return await runJest(env)
  } finally {
    // Stops what end-to-end tests that were killed have left running.
    await stopLeftovers(join(stackFolder("test"), "e2e"))
    await (keep ? stack?.leave() : stack?.stop())
  }
}

let code = 1
try {
  code = await main()
} catch (error) {
  progress.end()
  for (const line of failureLines(error)) console.error(line)
}
process.exit(code)
