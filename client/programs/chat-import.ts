// chat-import: brings the chats of another system, or an export of this one, into an application.
import { basename } from "node:path"
import { parseArgs } from "node:util"
import { checkApi, patientClient } from "./api.ts"
import { checkUrl, failed, reasonOf, Usage } from "./failures.ts"
import { placeText } from "./import/fit.ts"
import type { FormatOptions } from "./import/format.ts"
import { FORMATS, formatOf } from "./import/formats.ts"
import { type Import, runImport } from "./import/import.ts"
import { BadSource } from "./import/reading.ts"
import { type OpenSource, openSource } from "./import/source.ts"
import { type Progress, progressOn, stopSignal } from "./progress.ts"

/** Batches in flight, each of another chat: with more, two cores that run all servers were not faster. */
const CONCURRENCY_DEFAULT = 8
const CONCURRENCY_MAX = 64
/** A line, or a document that is read as a whole; Slack's days and Zulip's parts are a hundredth of it. */
const MAX_BYTES = 256 * 1024 ** 2

const USAGE = `usage: chat-import <file, folder or zip> --url URL --token TOKEN [options]

  --url URL               where the API is, or CHAT_URL
  --token TOKEN           the application's token, or CHAT_TOKEN
  --create-application N  creates the application N for it, with --admin-key KEY or ADMIN_API_KEY if the API has one,
                          and prints its token
  --format NAME           ${FORMATS.map(({ name }) => name).join(", ")}; found out unless given
  --dry-run               reads all, writes nothing to the API, and says what would come and what would be left out
  --timezone ZONE         of times without one, such as Europe/Berlin
  --date-order ORDER      dmy, mdy or ymd, where a source does not tell
  --state FILE            what was done, so that the same command goes on; ./<source>.import-state unless given
  --report FILE           a line of JSON for each thing left out; ./<source>.import-report unless given
  --concurrency N         batches in flight, ${CONCURRENCY_DEFAULT} unless given
  --renumber              gives an export of this API new numbers without holes

Others on the machine can see the arguments of a program while it runs: keep token and key in the environment.`

/** Returns what the command line and the environment say. Throws an Error that names what is wrong. */
function readOptions(args: string[], env: NodeJS.ProcessEnv) {
  const text = { type: "string" } as const
  const flag = { type: "boolean", default: false } as const
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ url: text, token: text, "create-application": text, "admin-key": text, format: text, timezone: text },
      ...{ "date-order": text, state: text, report: text, concurrency: text },
      ...{ "dry-run": flag, renumber: flag, help: flag },
    },
  })
  const [path, ...others] = positionals
  if (!values.help && (path === undefined || others.length > 0)) throw new Usage("give one file, folder or zip")
  const { concurrency: given = String(CONCURRENCY_DEFAULT), "date-order": dateOrder } = values
  const concurrency = Number(given)
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX))
    throw new Usage(`--concurrency: must be a whole number from 1 to ${CONCURRENCY_MAX}`)
  if (dateOrder !== undefined && !isDateOrder(dateOrder)) throw new Usage("--date-order: must be dmy, mdy or ymd")
  if (values.timezone !== undefined) checkTimezone(values.timezone)
  const options: FormatOptions = {
    maxBytes: MAX_BYTES,
    ...(values.timezone === undefined ? {} : { timezone: values.timezone }),
    ...(dateOrder === undefined ? {} : { dateOrder }),
  }
  const name = basename(path ?? "")
  const { url = env.CHAT_URL, token = env.CHAT_TOKEN, "admin-key": adminKey = env.ADMIN_API_KEY } = values
  if (!(values.help || values["dry-run"])) checkTarget(url, token, values["create-application"])
  return {
    ...{ path: path ?? "", url: url ?? "", token, adminKey, concurrency, options, help: values.help },
    format: values.format,
    creates: values["create-application"],
    dry: values["dry-run"],
    keeps: !values.renumber,
    statePath: values.state ?? `${name}.import-state`,
    reportPath: values.report ?? `${name}.import-report`,
  }
}

const isDateOrder = (text: string): text is NonNullable<FormatOptions["dateOrder"]> => /^(?:dmy|mdy|ymd)$/.test(text)

function checkTimezone(name: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name })
  } catch {
    throw new Usage(`--timezone: there is no time zone "${name}"`)
  }
}

function checkTarget(url: string | undefined, token: string | undefined, creates: string | undefined): void {
  if (url === undefined) throw new Usage("give --url or CHAT_URL")
  checkUrl(url)
  if (token === undefined && creates === undefined)
    throw new Usage("give --token or CHAT_TOKEN, or --create-application")
}

type Options = ReturnType<typeof readOptions>

/** Returns where to import to, which answers. Nothing is written yet. */
async function targetOf(options: Options, progress: Progress): Promise<Import["target"]> {
  const { dry, url, token, adminKey, creates } = options
  if (dry) return undefined
  const say = (line: string) => {
    progress.end()
    console.error(line)
  }
  await checkApi(url, creates === undefined ? token : undefined)
  const client = patientClient({ url, adminKey }, say)
  if (creates === undefined) return { url, isNew: false, open: async () => client.application(token as string) }
  const open = async () => {
    const application = await client.createApplication({ name: creates })
    const { token: created } = application
    console.log(`Created the application ${creates}. To go on after a stop, set CHAT_TOKEN to its token: ${created}`)
    return application
  }
  return { url, isNew: true, open }
}

async function main(args: string[]): Promise<number> {
  const options = readOptions(args, process.env)
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const signal = stopSignal()
  let source: OpenSource | undefined
  try {
    source = await openSource(options.path)
    const format = await formatOf(source, options.format)
    const progress = progressOn(process.stderr)
    const target = await targetOf(options, progress)
    const own = { source, format, target, signal, progress }
    return await runImport({ ...options, ...own, say: (line) => console.log(line) })
  } finally {
    source?.close()
  }
}

const importReasonOf = (error: unknown): string =>
  error instanceof BadSource ? `${placeText(error.at)}: ${error.message}` : reasonOf(error)

void main(process.argv.slice(2))
  .catch((error) => failed("chat-import", error, importReasonOf(error)))
  .then((code) => {
    process.exitCode = code
  })
