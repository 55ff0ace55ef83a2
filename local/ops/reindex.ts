import { type ReindexProgress, reindex } from "../../lib/search/rebuilding/reindex.ts"
import { type Command, EXIT, UsageError } from "./command.ts"

const PHASES: Record<ReindexProgress["phase"], string> = {
  copy: "messages copied",
  "catch up": "changes caught up with",
}

export const command: Command = {
  name: "reindex",
  summary: "Builds the search index anew from MySQL, beside the one that is searched, and moves the alias.",
  usage: [
    "reindex [--keep]",
    "",
    "  --keep  leaves the index that was searched before; nothing is written to it any more",
  ].join("\n"),
  options: { keep: { type: "boolean" } },
  async run({ options, words }, { stores, output, signal }) {
    if (words.length > 0) throw new UsageError(`reindex takes no "${words[0]}".`)
    const startedAt = Date.now()
    let bar: { phase: string; progress: ReturnType<typeof output.progress> } | undefined
    const onProgress = ({ phase, done, total }: ReindexProgress) => {
      if (bar?.phase !== phase) {
        bar?.progress.end()
        bar = { phase, progress: output.progress(PHASES[phase]) }
      }
      bar.progress.set(done, total, noteOf(done, total, startedAt))
    }
    try {
      const done = await reindex(stores, { keep: options.keep === true, onProgress, signal })
      bar?.progress.end()
      const seconds = (Date.now() - startedAt) / 1_000
      const perSecond = Math.round(done.copied / Math.max(seconds, 0.001))
      output.line(`${done.copied} messages copied in ${seconds.toFixed(1)} s (${perSecond} per second)`)
      output.line(`${done.caughtUp} changes caught up with`)
      if (done.refused > 0) output.error(`Elasticsearch refused ${done.refused} messages: verify --repair shows why.`)
      output.line(`${done.index} is searched now${done.previous === null ? "" : `, ${done.previous} no longer`}`)
      const { caughtUp: caught_up, ...others } = done
      output.document({ ...others, caught_up, seconds })
      return done.refused > 0 ? EXIT.wrong : EXIT.ok
    } finally {
      bar?.progress.end()
    }
  },
}

/** Returns the text of a progress bar: done, total if known, and rate. */
export function noteOf(done: number, total: number | undefined, sinceMs: number): string {
  const perSecond = Math.round(done / Math.max((Date.now() - sinceMs) / 1_000, 0.001))
  return `${done}${total === undefined ? "" : ` of about ${total}`}, ${perSecond} per second`
}
