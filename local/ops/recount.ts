import { type Correction, recount } from "../../lib/operate/recount.ts"
import { TOKEN_PATTERN } from "../../lib/schemas.ts"
import { type Command, EXIT, UsageError } from "./command.ts"

const USAGE = `recount [--application <token>] [--from <token>]

  --application  only this application
  --from         only applications from this token on, as printed by a stopped recount`

/** Tokens are random, so the position of the current one in their order shows how many are done. */
const ORDER = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
const PLACES = ORDER.length ** 2
const placeOf = (token: string): number =>
  Math.max(0, ORDER.indexOf(token.charAt(0))) * ORDER.length + Math.max(0, ORDER.indexOf(token.charAt(1)))

const textOf = ({ was, is }: { was: number; is: number }): string => (was === is ? String(is) : `${was} → ${is}`)

const rowOf = ({ application, chat, live, highest, column }: Correction) => ({
  application,
  chat: chat === 0 ? null : chat,
  count: textOf(live),
  highest: textOf(highest),
  column: textOf(column),
})

export const command: Command = {
  name: "recount",
  summary: "Counts chats and messages anew from the rows and corrects the counters, while writes go on.",
  usage: USAGE,
  options: { application: { type: "string" }, from: { type: "string" } },
  async run({ words: [word], options }, { stores, output, signal }) {
    if (word !== undefined) throw new UsageError(`recount takes no "${word}".`)
    if (options.application !== undefined && options.from !== undefined) {
      throw new UsageError("recount takes either --application or --from.")
    }
    // The application may have been deleted since, so only the form is checked: a misspelt token would skip others.
    if (options.from !== undefined && !TOKEN_PATTERN.test(String(options.from))) {
      throw new UsageError("--from takes the token that a stopped recount printed.")
    }
    const tokens = { application: options.application, from: options.from } as { application?: string; from?: string }
    const progress = output.progress("recounted")
    const result = await recount(stores, {
      ...tokens,
      signal,
      onProgress({ application, applications, chats, chat, of }) {
        const note = `applications: ${applications}, chats: ${chats}`
        if (tokens.application !== undefined) progress.set(chat, of, note)
        else progress.set(placeOf(application), PLACES, note)
      },
    }).finally(() => progress.end())
    if (tokens.application !== undefined && result.applications === 0) {
      throw new Error(`MySQL has no application ${tokens.application}.`)
    }
    output.table(result.corrections.map(rowOf))
    output.line(
      `counters corrected: ${result.corrected} (applications: ${result.applications}, chats: ${result.chats}); the counts follow with the next sync`,
    )
    if (result.next !== undefined) output.line(`Stopped. To go on: --from ${result.next}`)
    output.document({ ...result, next: result.next ?? null })
    if (result.next !== undefined) return EXIT.interrupted
    return result.corrected === 0 ? EXIT.ok : EXIT.wrong
  },
}
