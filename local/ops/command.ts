/** The shared parts of the `npm run ops` commands; local/ops.ts lists them and runs one. */
import type { SearchStores } from "../../lib/stores.ts"
import type { Output } from "./output.ts"

/** The exit codes of commands. */
export const EXIT = { ok: 0, wrong: 1, usage: 2, interrupted: 130 } as const

/** `options` by their names without dashes; `words` are the arguments that are none. */
export type Arguments = { options: Record<string, string | boolean | undefined>; words: string[] }

export type Context = {
  stores: SearchStores
  /** Standard output is read by a program: `output` sees to it, a command hardly ever needs to know. */
  json: boolean
  output: Output
  /** Aborted by Ctrl-C: stop at the next point where nothing is left half done, by `signal.throwIfAborted()`. */
  signal: AbortSignal
  /** Asks a person; false where none is there to answer. */
  confirm(question: string): Promise<boolean>
}

export type Command = {
  name: string
  /** One line for the list of commands. */
  summary: string
  /** The forms it takes and what its options mean, beginning with its name. */
  usage: string
  /** Its own options; `--json` and `--help` are everyone's. */
  options?: Record<string, { type: "boolean" | "string" }>
  /**
   * Returns EXIT.ok, or EXIT.wrong if it found something wrong. Throws UsageError; a DependencyAway or another error
   * becomes one line and EXIT.wrong.
   */
  run(args: Arguments, context: Context): Promise<number>
}

/** The command line is not one of the command's forms; the message says which word or option is wrong. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = "UsageError"
  }
}
