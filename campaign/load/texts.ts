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

/** Returns the id of the write that a text belongs to. */
export const writeIdOf = (text: string | null): string => text?.split(" ", 1)[0] ?? ""
