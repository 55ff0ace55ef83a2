// chat-export: writes all that an application has, or what has changed since, as NDJSON.
import { createHash } from "node:crypto"
import { parseArgs } from "node:util"
import { ChatError } from "../src/errors.ts"
import { checkApi, patientClient } from "./api.ts"
import { runExport } from "./export/export.ts"
import { fileOutput, type Output, standardOutput } from "./export/output.ts"
import { readState, writeState } from "./export/state.ts"
import { checkUrl, failed, reasonOf, STOPPED, Usage } from "./failures.ts"
import { count, progressOn, stopSignal } from "./progress.ts"

/** Chats that are read side by side: with more, two cores that run all servers were not faster. */
const CONCURRENCY_DEFAULT = 8
const CONCURRENCY_MAX = 64
/** The error of a cursor that is older than 14 days. */
const EXPIRED = 410

const USAGE = `usage: chat-export -o FILE --url URL --token TOKEN [options]

  -o, --output FILE    what to write, - for the standard output
  --url URL            where the API is, or CHAT_URL
  --token TOKEN        the application's token, or CHAT_TOKEN
  --follow             goes on with what is written later, until it is stopped
  --state FILE         how far it is; the same command goes on, within 14 days, with what has changed since.
                       <output>.export-state unless given; for the standard output none unless given
  --concurrency N      chats that are read side by side, ${CONCURRENCY_DEFAULT} unless given

Each line is a change as the API's changes have it: {"type":"message.created","chat_number":1,"number":1,"data":{…},…}.
Of several lines of a message or chat the last one holds. chat-import takes such a file.
Others on the machine can see the arguments of a program while it runs: keep the token in the environment.`

function readOptions(args: string[], env: NodeJS.ProcessEnv) {
  const text = { type: "string" } as const
  const flag = { type: "boolean", default: false } as const
  const { values } = parseArgs({
    args,
    options: {
      ...{ output: { type: "string", short: "o" } as const, url: text, token: text, state: text, concurrency: text },
      ...{ follow: flag, help: flag },
    },
  })
  const { output = "", url = env.CHAT_URL ?? "", token = env.CHAT_TOKEN ?? "", follow, help } = values
  const concurrency = Number(values.concurrency ?? CONCURRENCY_DEFAULT)
  if (!help && output === "") throw new Usage("give --output")
  if (!help && url === "") throw new Usage("give --url or CHAT_URL")
  if (!help && token === "") throw new Usage("give --token or CHAT_TOKEN")
  if (!help) checkUrl(url)
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX))
    throw new Usage(`--concurrency: must be a whole number from 1 to ${CONCURRENCY_MAX}`)
  const isStream = output === "-"
  const statePath = values.state ?? (isStream ? undefined : `${output}.export-state`)
  return { output, isStream, url, token, follow, help, statePath, concurrency }
}

async function main(args: string[]): Promise<number> {
  const { output: path, isStream, url, token, follow, help, statePath, concurrency } = readOptions(args, process.env)
  if (help) {
    console.log(USAGE)
    return 0
  }
  const signal = stopSignal()
  const about = { url, application: createHash("sha256").update(token).digest("base64url").slice(0, 22) }
  const state = statePath === undefined ? undefined : await readState(statePath, about.url, about.application)
  const progress = progressOn(process.stderr)
  const say = (line: string) => {
    progress.end()
    console.error(line)
  }
  await checkApi(url, token)
  const application = patientClient({ url }, say).application(token)
  let output: Output | undefined
  try {
    output = isStream ? standardOutput(process.stdout) : await fileOutput(path, state?.bytes)
    console.error(
      state === undefined ? `Exporting to ${path}` : `Going on after ${state.bytes} bytes of an earlier run`,
    )
    const save = statePath === undefined ? undefined : saving(statePath, about)
    const lines = await runExport({ application, output, state, save, concurrency, follow, signal, progress })
    progress.end()
    console.error(`Exported: ${count(lines, "line")}.${signal.aborted ? " The same command goes on." : ""}`)
    return signal.aborted && !follow ? STOPPED : 0
  } finally {
    progress.end()
    await output?.close()
  }
}

const saving = (path: string, about: { url: string; application: string }) => {
  return (state: Omit<Parameters<typeof writeState>[1], "url" | "application">) =>
    writeState(path, { ...about, ...state })
}

function exportReasonOf(error: unknown): string {
  if (error instanceof ChatError && error.status === EXPIRED)
    return "the state is older than 14 days, so what has changed since cannot be told: export anew, into another file"
  return reasonOf(error)
}

void main(process.argv.slice(2))
  .catch((error) => failed("chat-export", error, exportReasonOf(error)))
  .then((code) => {
    process.exitCode = code
  })
