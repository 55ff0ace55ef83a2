import {
  type DeadLetter,
  type Fate,
  findLost,
  LETTERS_MAX,
  type Lost,
  redriveLetter,
  reviveLost,
  visitDeadLetters,
} from "../../lib/operate/dead-letters.ts"
import { discardLetter } from "../../lib/operate/discard.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { type Arguments, type Command, type Context, EXIT, UsageError } from "./command.ts"

const USAGE = `dead-letters list
                     dead-letters show <id>
                     dead-letters redrive [<id>… | all]
                     dead-letters discard <id>… [--yes]

  list     what was given up: id, queue, reason, time, number of events
  show     one of them, with its events (names and bodies are shown)
  redrive  sends them to their queues again, all unless ids are given; what is refused again comes back. All includes
           what was given up and has no letter any more, as after a restart of a queue in memory
  discard  gives them up for good; asks before it does so, unless --yes is given`

const WARNING = `This cannot be undone. A creation that was never stored is deleted, with everything below it: its number stays unused.
A change of something that is stored is undone. A document that could not be indexed is not found by searches.`

/** Added to the message for an unknown id when not all letters were read. */
const NOT_ALL_SEEN = ` among the first ${LETTERS_MAX} of its queue`

type Outcome = { id: string; done: boolean; why?: string }

const kept: Fate = { gone: false, why: "" }

const documentOf = ({ id, queue, reason, sentAt, body, events }: DeadLetter) => ({
  id,
  queue,
  reason,
  sent_at: sentAt.toISOString(),
  bytes: Buffer.byteLength(body),
  events_count: events?.length ?? null,
})

const countOf = ({ events, documents }: Lost) => events.length + documents.length

async function list({ stores, output }: Context): Promise<number> {
  const letters: DeadLetter[] = []
  const { more } = await visitDeadLetters(stores, async (letter) => {
    letters.push(letter)
    return kept
  })
  const documents = letters.map(documentOf)
  output.table(documents)
  output.line(
    `dead letters: ${letters.length}${more ? `, and more: at most ${LETTERS_MAX} of each queue are shown` : ""}`,
  )
  const lost = more ? 0 : countOf(await findLost(stores, letters))
  if (lost > 0) output.line(`dead without a letter: ${lost}; redrive all sends them again`)
  output.document({ dead_letters: documents, more, without_letter: lost })
  return EXIT.ok
}

async function show({ stores, output }: Context, id: string): Promise<number> {
  let found: DeadLetter | undefined
  const { more } = await visitDeadLetters(stores, async (letter) => {
    if (letter.id === id) found = letter
    return kept
  })
  if (!found) {
    const error = `There is no dead letter ${id}${more ? NOT_ALL_SEEN : ""}.`
    output.error(error)
    output.document({ error })
    return EXIT.wrong
  }
  const summary = { ...documentOf(found), ...(found.events ? {} : { body: found.body }) }
  for (const [name, value] of Object.entries(summary)) output.line(`${name}: ${value ?? "cannot be read"}`)
  for (const event of found.events ?? []) output.line(JSON.stringify(event, null, 2))
  output.document({ ...summary, events: found.events ?? null })
  return EXIT.ok
}

/** Applies `treatOne` to the letters with these ids and reports each outcome, and ids that were not found. */
async function treat(
  { stores, output, signal }: Context,
  ids: string[] | "all",
  [verb, done]: ["redrive" | "discard", string],
  treatOne: (stores: SearchStores, letter: DeadLetter) => Promise<Fate>,
): Promise<number> {
  const outcomes: Outcome[] = []
  const letters: DeadLetter[] = []
  const { more } = await visitDeadLetters(stores, async (letter) => {
    signal.throwIfAborted()
    letters.push(letter)
    if (ids !== "all" && !ids.includes(letter.id)) return kept
    const fate = await treatOne(stores, letter)
    outcomes.push({ id: letter.id, done: fate.gone, ...(fate.gone ? {} : { why: fate.why }) })
    output.line(fate.gone ? `${letter.id} ${done}` : `${letter.id} stays: ${fate.why}`)
    return fate
  })
  for (const id of ids === "all" ? [] : ids) {
    if (outcomes.some((outcome) => outcome.id === id)) continue
    const why = `there is no such dead letter${more ? NOT_ALL_SEEN : ""}`
    outcomes.push({ id, done: false, why })
    output.error(`${id}: ${why}`)
  }
  const count = outcomes.filter((outcome) => outcome.done).length
  output.line(`${done}: ${count}${more ? "; there are more: run this again" : ""}`)
  const lost = ids === "all" && !more ? await findLost(stores, letters) : { events: [], documents: [] }
  await reviveLost(stores, lost)
  if (countOf(lost) > 0) output.line(`${done}, without a letter: ${countOf(lost)}`)
  const counts = verb === "redrive" ? { redriven: count, without_letter: countOf(lost) } : { discarded: count }
  output.document({ ...counts, dead_letters: outcomes, more })
  return outcomes.every((outcome) => outcome.done) && !more ? EXIT.ok : EXIT.wrong
}

async function run({ words: [verb, ...ids], options }: Arguments, context: Context): Promise<number> {
  if (verb === undefined) throw new UsageError("dead-letters needs one of list, show, redrive or discard.")
  if (options.yes === true && verb !== "discard") throw new UsageError(`dead-letters ${verb} takes no option '--yes'.`)
  switch (verb) {
    case "list":
      if (ids.length > 0) throw new UsageError(`dead-letters list takes no "${ids[0]}".`)
      return list(context)
    case "show": {
      const [id, ...others] = ids
      if (id === undefined || others.length > 0) throw new UsageError("dead-letters show takes one id.")
      return show(context, id)
    }
    case "redrive": {
      const all = ids.length === 0 || (ids.length === 1 && ids[0] === "all")
      return treat(context, all ? "all" : ids, ["redrive", "sent again"], redriveLetter)
    }
    case "discard": {
      if (ids.length === 0) throw new UsageError("dead-letters discard takes ids; see dead-letters list.")
      if (options.yes !== true && !(await isConfirmed(context, ids))) return EXIT.wrong
      return treat(context, ids, ["discard", "discarded"], discardLetter)
    }
    default:
      throw new UsageError(`dead-letters takes list, show, redrive or discard, not "${verb}".`)
  }
}

async function isConfirmed({ output, confirm }: Context, ids: string[]): Promise<boolean> {
  output.line(WARNING)
  if (await confirm(`Discard ${ids.length} dead ${ids.length === 1 ? "letter" : "letters"}?`)) return true
  const text = "Nothing was discarded: answer yes at a terminal, or pass --yes."
  output.error(text)
  output.document({ error: text })
  return false
}

export const command: Command = {
  name: "dead-letters",
  summary: "Lists and shows what was given up, sends it again, or drops it.",
  usage: USAGE,
  options: { yes: { type: "boolean" } },
  run,
}
