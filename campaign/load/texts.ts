/** Makes the texts of the load from the ids of their writes, so that none has to be remembered. */
import { below, pick, type Random, seededRandom, seedOf } from "./random.ts"

const WORDS =
  'the quick brown fox Größe straße naïve façade Ελλάδα δικαίωμα Россия право الحق حرية זכויות अधिकार สิทธิ 人权 権利 권리 መብት 🙂 👩‍👩‍👧 é e\u0301 100% _x_ \\n "quoted" <b>&amp;</b> O\'Reilly ; -- \t ﬁ Ⅷ'.split(
    " ",
  )

/** Most messages are a line, some a paragraph, few are pages; all are below the API's 10,000 characters. */
const SIZES = [
  { upTo: 0.8, wordsMax: 14 },
  { upTo: 0.97, wordsMax: 90 },
  { upTo: 1, wordsMax: 1_000 },
]
const NAME_WORDS_MAX = 12

function words(random: Random, max: number): string {
  return Array.from({ length: 1 + below(random, max) }, () => pick(random, WORDS)).join(" ")
}

/** Returns a text that begins with the id of its write: a body, or a name (shorter, without trailing white space). */
export function textOf(id: string, kind: "application" | "chat" | "message"): string {
  const random = seededRandom(seedOf(id))
  if (kind !== "message") return `${id} ${words(random, NAME_WORDS_MAX)}`.trimEnd()
  const drawn = random()
  const size = SIZES.find(({ upTo }) => drawn < upTo)
  return `${id} ${words(random, size?.wordsMax ?? 1)}`
}

/** Most messages have no metadata, as most clients give none. */
const WITH_METADATA = 0.4
const TAGS_MAX = 6
/** Ends the id of a write that gives metadata for certain. */
export const GIVES_METADATA = "-m"

/** Returns the metadata that a write gives; undefined if it gives none. */
export function metadataOf(id: string): object | undefined {
  const random = seededRandom(seedOf(`${id} metadata`))
  if (random() > WITH_METADATA && !id.endsWith(GIVES_METADATA)) return undefined
  const tags = Array.from({ length: below(random, TAGS_MAX) }, () => words(random, 2))
  return { write: id, tags, constructor: { price: random(), read: random() < 0.5, note: null }, "": words(random, 1) }
}

const SENDERS = ["customer-4711", "bot", "Ελλάδα ", "a", "A", null, null, null]
/** Imported messages were sent between 2001 and 2020. */
const SENT_FROM_MS = 1e12
const SENT_SPAN_MS = 6e11

/** Returns the members of a new message that no update changes. */
export function originOf(id: string): { sender: string | null; sent_at: string | null } {
  const random = seededRandom(seedOf(`${id} origin`))
  const sentAt = random() < 0.2 ? new Date(SENT_FROM_MS + below(random, SENT_SPAN_MS)).toISOString() : null
  return { sender: pick(random, SENDERS) ?? null, sent_at: sentAt }
}

/** Returns the id of the write that a text belongs to. */
export const writeIdOf = (text: string | null): string => text?.split(" ", 1)[0] ?? ""
