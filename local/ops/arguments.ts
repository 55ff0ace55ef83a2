import { parseArgs } from "node:util"
import { TOKEN_PATTERN } from "../../lib/schemas.ts"
import { type Arguments, type Command, UsageError } from "./command.ts"

export type Parsed = { command: Command | undefined; args: Arguments; json: boolean; help: boolean }

const EVERYONES = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const

/** Returns the command and options after `npm run ops --`. Throws UsageError for an unknown command or option. */
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

/** Joins a token to its option by "=", because one token in 64 begins with a dash and would look like an option. */
function withTokensJoined(args: string[], options: NonNullable<Command["options"]>): string[] {
  return args.flatMap((arg, index) => {
    const takesText = (word = "") => word.startsWith("--") && options[word.slice(2)]?.type === "string"
    if (takesText(args[index - 1]) && TOKEN_PATTERN.test(arg)) return []
    const next = args[index + 1] ?? ""
    return takesText(arg) && TOKEN_PATTERN.test(next) ? [`${arg}=${next}`] : [arg]
  })
}

/** Returns the first sentence of an error; Node's next ones give advice that does not fit this command line. */
const firstSentence = (error: unknown): string => {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /)
  return `${first.replace(/\.$/, "")}.`
}

/** Returns the help of all commands, or of one. */
export function helpText(commands: readonly Command[], command?: Command): string {
  if (command) return `npm run ops -- ${command.usage}\n\n${command.summary}`
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    "npm run ops -- <command> [--json] [--help]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "--json prints one JSON document, and nothing else, on standard output. <command> --help shows its usage.",
    "Exit code: 0 when all is well, 1 when something is wrong or away, 2 for a wrong command line.",
  ].join("\n")
}
