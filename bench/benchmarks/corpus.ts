// Makes the bodies for the search benchmark from a seed: four fifths English-like text of a Zipf-distributed
// vocabulary, the rest fragments of the Declaration of Human Rights in ten languages, some with emoji.

import { below, pick, type Random, seededRandom } from "../../campaign/load/random.ts"
import { readParagraphs } from "../../local/demo/declaration.ts"

const VOCABULARY = 20_000
/** Letters that determine the next one of an invented word. */
const CONTEXT = 2
const WORD_LENGTH_MAX = 12
const WORDS_MIN = 3
const WORDS_MAX = 22
const ENGLISH_SHARE = 0.8
const EMOJI_SHARE = 0.1
const FRAGMENT_MAX = 90
const LANGUAGES = "fra deu_1996 vie rus ell_monotonic arb hin tha cmn_hans jpn".split(" ")
const EMOJI = "🙂 👍🏽 🎉 👨‍👩‍👧 🇩🇪 ❤️".split(" ")

export type Corpus = {
  /** Returns the next body. */
  body(): string
  /** Returns a Chinese fragment of this many characters. */
  chinese(length: number): string
}

/** Returns words whose letters follow each other as in `text`. */
function inventWords(text: string, random: Random): string[] {
  const known = text.toLowerCase().match(/[a-z]+/g) ?? []
  const followers = new Map<string, string[]>()
  for (const word of known) {
    const padded = `${"^".repeat(CONTEXT)}${word}$`
    for (let at = CONTEXT; at < padded.length; at++) {
      const context = padded.slice(at - CONTEXT, at)
      followers.set(context, [...(followers.get(context) ?? []), padded[at] ?? "$"])
    }
  }
  // The real words come first, as the most frequent.
  const words = new Set(known)
  while (words.size < VOCABULARY) {
    let word = "^".repeat(CONTEXT)
    while (!word.endsWith("$") && word.length < CONTEXT + WORD_LENGTH_MAX)
      word += pick(random, followers.get(word.slice(-CONTEXT)) ?? ["$"])
    words.add(word.replace(/[$^]/g, ""))
  }
  words.delete("")
  return [...words]
}

/** Returns a rank from 0 with a probability of about 1 / (rank + 1). */
const zipf = (random: Random, count: number): number => Math.min(count - 1, Math.floor(count ** random()) - 1)

export async function createCorpus(seed: number): Promise<Corpus> {
  const random = seededRandom(seed)
  const words = inventWords((await readParagraphs("eng")).join(" "), random)
  const fragments = await Promise.all(LANGUAGES.map(readParagraphs))
  const chineseText = [...(fragments[LANGUAGES.indexOf("cmn_hans")]?.join("") ?? "")]

  const english = () =>
    Array.from({ length: WORDS_MIN + below(random, WORDS_MAX) }, () => words[zipf(random, words.length)]).join(" ")
  const foreign = () => {
    const characters = [...(pick(random, pick(random, fragments) ?? []) ?? "")]
    return characters
      .slice(below(random, characters.length))
      .slice(0, 1 + below(random, FRAGMENT_MAX))
      .join("")
  }
  const text = () => (random() < ENGLISH_SHARE ? english() : foreign())

  return {
    body() {
      const written = text()
      if (written.trim() === "") return "…"
      return random() < EMOJI_SHARE ? `${written} ${pick(random, EMOJI)}` : written
    },
    chinese(length) {
      const at = below(random, chineseText.length - length)
      return chineseText.slice(at, at + length).join("")
    },
  }
}
