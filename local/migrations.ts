import { join } from "node:path"
import { run } from "./run.ts"
import { ROOT } from "./services/settings.ts"

type Options = { signal?: AbortSignal; onErrorLine?: (line: string) => void }

/**
 * Runs the migrations. `apiMayStart` resolves once tables and index are there; what follows, the shards of Redis, takes a
 * second of waiting, during which an API may start. `ended` resolves at the end. Both reject with a LaunchFailure.
 */
export function startMigrations(env: Record<string, string>, options: Options = {}) {
  const { promise: hasIndex, resolve } = Promise.withResolvers<void>()
  const onLine = (line: string) => {
    if (line.startsWith("index ")) resolve()
  }
  const ended = run(process.execPath, [join("local", "migrate.ts")], { cwd: ROOT, env, onLine, ...options })
  const apiMayStart = Promise.race([hasIndex, ended.then(() => undefined)])
  for (const outcome of [ended, apiMayStart]) outcome.catch(() => undefined)
  return { apiMayStart, ended }
}
