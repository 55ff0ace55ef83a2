import { parseArgs } from "node:util"
import { TOKEN_PATTERN } from "../../lib/schemas.ts"
import { isStageName } from "../environment.ts"
import { type Arguments, type Command, UsageError } from "./command.ts"

export type Parsed = {
  command: Command | undefined
  args: Arguments
  json: boolean
  help: boolean
  /** The deployed stage to work on; undefined for the stores of the environment. */
  stage: string | undefined
}

const EVERYONES = {
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  stage: { type: "string" },
} as const

/** Returns the command and options after `npm run ops --`. Throws UsageError for an unknown command or option. */
export function parseArguments(argv: string[], commands: readonly Command[]): Parsed {
  const at = argv.findIndex((word, index) => !word.startsWith("-") && argv[index - 1] !== "--stage")
  const name = at < 0 ? undefined : argv[at]
  const command = commands.find((one) => one.name === name)
  if (name !== undefined && !command) throw new UsageError(`There is no command "${name}".`)
  const options = { ...command?.options, ...EVERYONES }
  const words = withTokensJoined(
    argv.filter((_, index) => index !== at),
    options,
  )
  try {
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true })
    const { json, help, stage, ...own } = values as Arguments["options"]
    const args = { options: own, words: positionals }
    return { command, args, json: json === true, help: help === true, stage: stageOf(stage) }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(firstSentence(error))
  }
}

function stageOf(stage: Arguments["options"][string]): string | undefined {
  if (stage === undefined) return undefined
  const name = String(stage)
  if (!isStageName(name)) throw new UsageError(`--stage takes the name of a stage, not "${name}".`)
  return name
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
export const firstSentence = (error: unknown): string => {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /)
  return `${first.replace(/\.$/, "")}.`
}

/** Returns the help of all commands, or of one. */
export function helpText(commands: readonly Command[], command?: Command): string {
  if (command) return `npm run ops -- ${command.usage}\n\n${command.summary}`
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    "npm run ops -- <command> [--stage STAGE] [--json] [--help]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "--stage works on the stores of a deployed stage, which its stack and its secret name, and not on the environment's.",
    "--json prints one JSON document, and nothing else, on standard output. <command> --help shows its usage.",
    "Exit code: 0 when all is well, 1 when something is wrong or away, 2 for a wrong command line.",
  ].join("\n")
}
