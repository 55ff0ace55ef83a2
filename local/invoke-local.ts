/**
 * The plugin for `serverless invoke local`. The function gets the environment of the process, of `.env` and of a running
 * `npm start`, whatever the stage: that of the cloud has references only. And the command ends once the function has
 * answered: functions keep their connections for the next call, in the cloud as here; there the runtime freezes the
 * process, here it would wait for them for ever.
 */
import { loadEnvironment } from "./environment.ts"

type Serverless = {
  processedInput: { commands: string[] }
  service: { provider: { environment?: Record<string, unknown> } }
}

/** A class, since serverless makes its plugins with `new`. */
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

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { InvokeLocal as "module.exports" }
