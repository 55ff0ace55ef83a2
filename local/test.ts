// npm test: starts services on their own ports with fresh data, migrates, runs jest with the arguments, and cleans up.
import { spawn } from "node:child_process"
import { globSync } from "node:fs"
import { rm } from "node:fs/promises"
import { constants } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { failureLines } from "./failure.ts"
import { stopLeftovers } from "./processes.ts"
import { progressOn } from "./progress.ts"
import { run } from "./run.ts"
import { ROOT, stackFolder } from "./services/settings.ts"
import { keptStack, startServices } from "./services/start.ts"
import { chooseTestRedis, startTestCluster } from "./services/test-redis.ts"
import { stopSignals } from "./signals.ts"

const { stop, hurry } = stopSignals()
const progress = progressOn(process.stderr)
/** Workers would share a cluster's only database. */
const ONE_WORKER = ["--maxWorkers=1"]
const keep = process.env.CHAT_KEEP_SERVICES === "1"

/** Runs jest with more arguments than were given, to its end, and returns its exit code. */
const runJest = (env: Record<string, string>, more: string[]) =>
  new Promise<number>((resolve, reject) => {
    const options = [process.env.NODE_OPTIONS, "--experimental-vm-modules", "--disable-warning=ExperimentalWarning"]
    const jest = spawn(
      process.execPath,
      [fileURLToPath(import.meta.resolve("jest/bin/jest")), ...more, ...process.argv.slice(2)],
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

/** Stops what tests that were killed have left running: programs of end-to-end tests, and nodes of clusters. */
const stopLeft = async () => {
  const clusters = globSync(join(stackFolder("test"), "clusters", "*"))
  await Promise.all([join(stackFolder("test"), "e2e"), ...clusters].map(stopLeftovers))
  await rm(join(stackFolder("test"), "clusters"), { recursive: true, force: true })
}

const main = async () => {
  const asked = chooseTestRedis(process.env)
  const kept = keep ? await keptStack("test") : undefined
  const stack = kept ? undefined : await startServices({ name: "test", progress, signal: stop, hurry, fresh: true })
  const env = kept ?? stack?.env ?? {}
  try {
    await progress.step("Migrations", () =>
      run(process.execPath, [join("local", "migrate.ts")], { cwd: ROOT, env, signal: stop }),
    )
    if (asked === "single") return await runJest(env, [])
    const masters = await progress.step("A cluster of three masters", () => startTestCluster(asked))
    try {
      return await runJest({ ...env, REDIS_URL: masters.url }, ONE_WORKER)
    } finally {
      await masters.remove()
    }
  } finally {
    await stopLeft()
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
