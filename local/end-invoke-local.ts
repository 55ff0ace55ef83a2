/**
 * The plugin that ends `serverless invoke local` once the function has answered. Functions keep their connections for the
 * next call, in the cloud as here; there the runtime freezes the process, here it would wait for them for ever.
 */
type Serverless = { processedInput: { commands: string[] } }

/** A class, since serverless makes its plugins with `new`. */
export class EndInvokeLocal {
  readonly hooks: Record<string, () => void>

  constructor({ processedInput }: Serverless) {
    const isInvokeLocal = processedInput.commands.join(" ") === "invoke local"
    // The exit code is what serverless has set: 1 when the function threw.
    this.hooks = isInvokeLocal ? { finalize: () => process.exit() } : {}
  }
}

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { EndInvokeLocal as "module.exports" }
