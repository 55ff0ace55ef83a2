/** The shared parts of the `npm run ops` commands; local/ops.ts lists them and runs one. */
import type { SearchStores } from "../../lib/stores.ts"
import type { Output } from "./output.ts"

/** The exit codes of commands. */
export const EXIT = { ok: 0, wrong: 1, usage: 2, interrupted: 130 } as const

/** `options` by name without dashes; `words` are all other arguments. */
export type Arguments = { options: Record<string, string | boolean | undefined>; words: string[] }

export type Context = {
  stores: SearchStores
  /** Standard output is for a program. `output` takes care of that, so most commands can ignore it. */
  json: boolean
  output: Output
  /** Aborted by Ctrl-C. Commands call `signal.throwIfAborted()` wherever nothing is half done. */
  signal: AbortSignal
  /** Asks at the terminal; false without one. */
  confirm(question: string): Promise<boolean>
}

export type Command = {
  name: string
  /** One line for the list of commands. */
  summary: string
  /** Its forms, beginning with its name, and what its options mean. */
  usage: string
  /** Its own options; all commands have `--json` and `--help`. */
  options?: Record<string, { type: "boolean" | "string" }>
  /**
   * Returns EXIT.ok, or EXIT.wrong if it found something wrong. Throws UsageError; a DependencyAway or another error
   * becomes one line and EXIT.wrong.
   */
  run(args: Arguments, context: Context): Promise<number>
}

/** The command line is wrong; the message names the word or option. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = "UsageError"
  }
}
