import { FINDINGS, type Finding } from "../../lib/operate/verify/findings.ts"
import { isKnown } from "../../lib/operate/verify/known-applications.ts"
import { type VerifyProgress, verify } from "../../lib/operate/verify/verify.ts"
import { TOKEN_PATTERN } from "../../lib/schemas.ts"
import { type Command, EXIT, UsageError } from "./command.ts"
import type { Output, Progress } from "./output.ts"
import { noteOf } from "./reindex.ts"

export const command: Command = {
  name: "verify",
  summary: "Checks that numbers are dense, counts right, and that the search index is what MySQL says.",
  usage: [
    "verify [--application TOKEN] [--repair]",
    "",
    "  --application TOKEN  only what belongs to this application",
    "  --repair             repairs documents and counts, then verifies again; never changes rows or numbers",
  ].join("\n"),
  options: { application: { type: "string" }, repair: { type: "boolean" } },
  async run({ options, words }, { stores, output, signal }) {
    if (words.length > 0) throw new UsageError(`verify takes no "${words[0]}".`)
    const { application, repair } = options
    // Not a usage error: a malformed token is reported like one of no application.
    if (application !== undefined && !TOKEN_PATTERN.test(String(application))) throw noSuchApplication(application)
    const bars = progressBars(output)
    const startedAt = Date.now()
    try {
      const done = await verify(stores, {
        ...(application === undefined ? {} : { application: String(application) }),
        repair: repair === true,
        onProgress: bars.set,
        signal,
      })
      bars.end()
      const looked = done.parents + done.messages + done.documents
      if (application !== undefined && looked === 0 && !(await isKnown(stores, String(application)))) {
        throw noSuchApplication(application)
      }
      const seconds = (Date.now() - startedAt) / 1_000
      if (done.repaired) {
        show(output, done.repaired.findings)
        output.line(`Repaired ${done.repaired.documents} documents and ${done.repaired.counters} counts. After that:`)
      }
      show(output, done.findings)
      const { fenced, expired } = done.unaccounted
      if (fenced > 0)
        output.line(`${fenced} numbers skipped, or deleted long ago, below parents whose data Redis once lost`)
      if (expired > 0)
        output.line(`${expired} numbers without a trace, of messages that may have been deleted long ago`)
      const what = `${done.parents} parents, ${done.messages} messages and ${done.documents} documents`
      output.line(`${what} checked in ${seconds.toFixed(1)} s`)
      output.document({ ...done, seconds })
      return done.findings.length > 0 ? EXIT.wrong : EXIT.ok
    } finally {
      bars.end()
    }
  },
}

const noSuchApplication = (token: unknown): Error => new Error(`There is no application ${token}.`)

function show(output: Output, findings: Finding[]): void {
  if (findings.length === 0) output.line("All is well.")
  output.table(
    findings.flatMap(({ kind, count, examples }) =>
      examples.map(({ application, chat, message, detail }, index) => ({
        found: index === 0 ? FINDINGS[kind] : "",
        count: index === 0 ? count : null,
        application,
        chat: chat || null,
        message: message || null,
        detail: detail ?? null,
      })),
    ),
  )
}

/** Returns a progress display with one bar per phase. */
function progressBars(output: Output) {
  let phase: VerifyProgress["phase"] | undefined
  let bar: Progress | undefined
  let startedAt = 0
  const end = () => {
    bar?.end()
    bar = undefined
    phase = undefined
  }
  return {
    set(progress: VerifyProgress) {
      if (progress.phase !== phase || !bar) {
        end()
        phase = progress.phase
        startedAt = Date.now()
        bar = output.progress(progress.phase)
      }
      bar.set(progress.done, progress.total, noteOf(progress.done, progress.total, startedAt))
    },
    end,
  }
}
