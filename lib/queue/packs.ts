/**
 * DESIGN. The body of a queue's message. Events of one application that go together are packed: what neighbours share is
 * written once, which halves the bytes, and bytes are most of what a queue costs, on AWS in money. A lone event stays as
 * it is: `[event]`. A pack is `[{v, revision, application, chat, message, runs: [{chat, created_at, origin, events}]}]`.
 *
 * Consumers of an earlier release take a pack for one event of a newer version, and leave it to newer functions. For them
 * its key is that of a message in no chat, which names nothing: no outbox ever holds it, so they pass it on whole.
 */
type Members = Readonly<Record<string, unknown>>

/**
 * An event's members as JSON, without braces: `head` those that its neighbours may share, without the application, which
 * all share; `own` all others. Without a head, it is not packed, and `own` is all.
 */
export type SplitEvent = { head?: string; own: string }

/** Above that of every event that an earlier release can store. */
const PACK_VERSION = 3
const PACK_KEY = { v: PACK_VERSION, revision: "1" }
const IN_NO_CHAT = { chat: 0, message: 1 }

/** Escapes U+FFFE and U+FFFF, the only characters of JSON text that SQS refuses. */
const queueSafe = (json: string): string => json.replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff")

const membersOf = (value: object): string => queueSafe(JSON.stringify(value).slice(1, -1))

/** Returns the events of an application split; those beside each other that share their head have the same string. */
export function splitEvents(events: readonly object[]): SplitEvent[] {
  let last: { chat: unknown; created_at: unknown; origin: unknown } | undefined
  let head = ""
  return (events as readonly Members[]).map(({ application: _, chat, created_at, origin, ...own }) => {
    if (last?.chat !== chat || last?.created_at !== created_at || last?.origin !== origin) {
      last = { chat, created_at, origin }
      head = membersOf(last)
    }
    return { head, own: membersOf(own) }
  })
}

/** Returns events as they are, for a group of several applications. */
export const unsplitEvents = (events: readonly object[]): SplitEvent[] =>
  events.map((event) => ({ own: membersOf(event) }))

/** What surrounds the only event of a run. */
const RUN_BYTES = '{,"events":[{}]},'.length

/** Returns the bytes that an event adds to a message in which it follows `before`. */
export const splitBytes = ({ head = "", own }: SplitEvent, before: SplitEvent | undefined): number =>
  Buffer.byteLength(own) + RUN_BYTES + (before?.head === head ? 0 : Buffer.byteLength(head))

/** Returns the body of a message with these events, which are split if they are all of the application. */
export function packEvents(application: string, events: readonly SplitEvent[]): string {
  const owner = membersOf({ application })
  const [first] = events
  if (first?.head === undefined) return `[${events.map(({ own }) => `{${own}}`).join(",")}]`
  if (events.length === 1) return `[{${first.own},${owner},${first.head}}]`
  const runs: { head: string | undefined; events: string[] }[] = []
  for (const { head, own } of events) {
    if (runs.at(-1)?.head !== head) runs.push({ head, events: [] })
    runs.at(-1)?.events.push(`{${own}}`)
  }
  const texts = runs.map((run) => `{${run.head},"events":[${run.events.join(",")}]}`)
  return `[{${membersOf(PACK_KEY)},${owner},${membersOf(IN_NO_CHAT)},"runs":[${texts.join(",")}]}]`
}

type Pack = { application: unknown; runs: (Members & { events: Members[] })[] }

const isPack = (item: unknown): item is Pack =>
  typeof item === "object" && item !== null && "runs" in item && "v" in item && item.v === PACK_VERSION

/** Returns the items of a message's body, with those of packs in the place of the packs. Throws if a pack is malformed. */
export const unpackEvents = (items: unknown[]): unknown[] =>
  items.flatMap((item) => {
    if (!isPack(item)) return [item]
    const { application, runs } = item
    return runs.flatMap(({ events, ...head }) => events.map((own) => ({ ...own, application, ...head })))
  })

/** The body is an array of JSON texts. */
export const TEXTS = {
  bytes: (text: string) => Buffer.byteLength(queueSafe(text)) + 1,
  body: (_group: string, texts: string[]) => `[${texts.map(queueSafe).join(",")}]`,
}
