// npm start: starts the services, migrates, starts the API, waits for Ctrl-C, and stops everything in reverse order.
import { existsSync } from "node:fs"
import { join, relative } from "node:path"
import { apiPorts, startApi } from "./api.ts"
import { failureLines } from "./failure.ts"
import { startMigrations } from "./migrations.ts"
import { progressOn } from "./progress.ts"
import { API_PORTS, portFrom, ROOT } from "./services/settings.ts"
import { startServices } from "./services/start.ts"
import { aborted, stopSignals } from "./signals.ts"
import { watchSources } from "./watch.ts"

const { stop, hurry } = stopSignals()
const progress = progressOn(process.stdout)
stop.addEventListener("abort", () => progress.line("Stopping …"))

const welcome = (port: number, folder: string) => {
  const url = `http://localhost:${port}`
  return [
    "",
    `The chat backend is up: ${url}`,
    `  Try it:  curl -X POST ${url}/applications${process.env.ADMIN_API_KEY ? " -H 'x-api-key: <an admin key>'" : ""} -H 'content-type: application/json' -d '{"name":"My first application"}'`,
    `  Docs:    ${url}/docs`,
    `  Logs:    ${relative(process.cwd(), join(folder, "logs"))}`,
    "  Edit:    a change in functions/ or lib/ restarts the API alone",
    process.env.CHAT_INSPECT
      ? `  Debug:   attach to ${process.env.CHAT_INSPECT} (an editor, or chrome://inspect)`
      : "  Debug:   CHAT_INSPECT=9229 npm start, then attach to port 9229",
    ...(process.env.ADMIN_API_KEY
      ? []
      : ["  Keys:    none, so anyone may list the applications and their tokens; set ADMIN_API_KEY to prevent it"]),
    "  Ctrl-C stops it and keeps the data.",
  ].join("\n")
}

const main = async () => {
  if (existsSync(join(ROOT, ".env"))) process.loadEnvFile(join(ROOT, ".env"))
  const port = portFrom(process.env, "PORT", API_PORTS.start)
  const stack = await startServices({ name: "start", alsoUsed: apiPorts(port), progress, signal: stop, hurry })
  try {
    const onErrorLine = (line: string) => progress.line(`  ${line}`)
    const migrations = startMigrations(stack.env, { signal: stop, onErrorLine })
    await progress.step("Migrations", () => migrations.apiMayStart)
    const api = await progress.step(`API on port ${port}`, () =>
      startApi({ port, env: stack.env, folder: stack.folder, progress, signal: stop, hurry }),
    )
    try {
      await migrations.ended
      progress.line(welcome(port, stack.folder))
      const endWatch = watchSources(ROOT, (files) => {
        progress.line(`↻ ${files.join(", ")} changed: restarting the API`)
        void api.restart()
      })
      await aborted(stop)
      endWatch()
    } finally {
      await progress.step("API stopped", () => api.stop())
    }
  } finally {
    await progress.step("Services stopped", () => stack.stop())
  }
}

try {
  await main()
} catch (error) {
  progress.end()
  if (!stop.aborted) for (const line of failureLines(error)) console.error(line)
  process.exitCode = 1
}
progress.end()
// The IPC channel to the bootstrap would keep this process alive.
process.exit(stop.aborted ? 0 : process.exitCode)
