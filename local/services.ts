// npm run services: runs only the services, with the data of npm start, until Ctrl-C, and prints their variables.
import { failureLines } from "./failure.ts"
import { progressOn } from "./progress.ts"
import { startServices } from "./services/start.ts"
import { aborted, stopSignals } from "./signals.ts"

const { stop, hurry } = stopSignals()
const progress = progressOn(process.stderr)

try {
  const stack = await startServices({ name: "start", progress, signal: stop, hurry })
  for (const [name, value] of Object.entries(stack.env)) console.log(`${name}=${value}`)
  // Servers that are not child processes do not keep this one alive.
  const alive = setInterval(() => undefined, 60_000)
  await aborted(stop)
  clearInterval(alive)
  await progress.step("Services stopped", () => stack.stop())
} catch (error) {
  progress.end()
  if (!stop.aborted) for (const line of failureLines(error)) console.error(line)
  process.exit(stop.aborted ? 0 : 1)
}
process.exit(0)
