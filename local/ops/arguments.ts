import { parseArgs } from "node:util"
import { TOKEN_PATTERN } from "../../lib/schemas.ts"
import { type Arguments, type Command, UsageError } from "./command.ts"

export type Parsed = { command: Command | undefined; args: Arguments; json: boolean; help: boolean }

const EVERYONES = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const

/**
 * Finds the command that the words after `npm run ops --` name, and its options. Throws UsageError for a command or an
 * option that is none.
 */
export function parseArguments(argv: string[], commands: readonly Command[]): Parsed {
  const at = argv.findIndex((word) => !word.startsWith("-"))
  const name = at < 0 ? undefined : argv[at]
  const command = commands.find((one) => one.name === name)
  if (name !== undefined && !command) throw new UsageError(`There is no command "${name}".`)
  const options = { ...command?.options, ...EVERYONES }
  const args = withTokensJoined(
    argv.filter((_, index) => index !== at),
    options,
  )
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const { json, help, ...own } = values as Arguments["options"]
    return { command, args: { options: own, words: positionals }, json: json === true, help: help === true }
  } catch (error) {
    throw new UsageError(firstSentence(error))
  }
}

/** Joins a token to its option by "=": one token in 64 begins with a dash, and would pass for an option itself. */
function withTokensJoined(args: string[], options: NonNullable<Command["options"]>): string[] {
  return args.flatMap((arg, index) => {
    const takesText = (word = "") => word.startsWith("--") && options[word.slice(2)]?.type === "string"
    if (takesText(args[index - 1]) && TOKEN_PATTERN.test(arg)) return []
    const next = args[index + 1] ?? ""
    return takesText(arg) && TOKEN_PATTERN.test(next) ? [`${arg}=${next}`] : [arg]
  })
}

/** Node goes on with what to do about it, which is not for this command line. */
const firstSentence = (error: unknown): string => {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /)
  return `${first.replace(/\.$/, "")}.`
}

/** The help of all commands, or of one. */
export function helpText(commands: readonly Command[], command?: Command): string {
  if (command) return `npm run ops -- ${command.usage}\n\n${command.summary}`
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    "npm run ops -- <command> [--json] [--help]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "--json prints one JSON document on standard output and nothing else there; <command> --help says more.",
    "Ends with 0 when all is well, 1 when something is wrong or away, 2 when the command line is not understood.",
  ].join("\n")
}
