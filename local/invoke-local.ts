/**
 * The plugin for `serverless invoke local`. For every stage the function gets the environment of the process, of `.env`
 * and of a running `npm start`, since a cloud stage holds only references to values. The plugin also exits once the
 * function has answered: open connections, which functions keep for the next call, would keep the process alive.
 */
import { loadEnvironment } from "./environment.ts"

type Serverless = {
  processedInput: { commands: string[] }
  service: { provider: { environment?: Record<string, unknown> } }
}

/** A class, because serverless creates its plugins with `new`. */
export class InvokeLocal {
  readonly hooks: Record<string, () => void>

  constructor(serverless: Serverless) {
    const isInvokeLocal = serverless.processedInput.commands.join(" ") === "invoke local"
    const takeEnvironment = () => {
      loadEnvironment()
      serverless.service.provider.environment = {}
    }
    // The exit code is what serverless has set: 1 when the function threw.
    this.hooks = isInvokeLocal ? { initialize: takeEnvironment, finalize: () => process.exit() } : {}
  }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { InvokeLocal as "module.exports" }
