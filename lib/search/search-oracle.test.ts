// Compares searches with a scan in memory by the definition of a match: fold(body).includes(fold(query)).
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import fc from "fast-check"
import { readParagraphs } from "../../local/demo/declaration.ts"
import { SAMPLES, unit } from "../../test/steps/scripts.ts"
import { type GivenIndex, givenDocuments, givenIndex, givenToken } from "../../test/steps/search-index.ts"
import { type FoldedQuery, fold } from "./folding/fold.ts"
import { type SearchAnswer, type SearchScope, searchIndex } from "./querying/query-index.ts"

const SEED = 20_261_126
const BODIES = 10_000
const QUERIES = 5_000
/** The first this many bodies are also in another chat, so that the application has more than one. */
const OTHER_CHAT = 300
const APPLICATION_QUERIES = 500
/** Nearly Elasticsearch's maximum, since common letters would otherwise take hundreds of pages. */
const PAGE = 9_000
const TIMEOUT_MS = 30_000
/** Enough for about six thousand requests. */
const ORACLE_TIMEOUT_MS = 600_000

/** Languages of many scripts: Latin with accents, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai, Chinese … */
const LANGUAGES = "vie fra ces deu_1996 tur ell_polytonic rus ukr arb pes_1 heb hin mar ben tam tha lao mya khm".split(
  " ",
)
const MORE_LANGUAGES = "cmn_hans cmn_hant jpn kor kat hye amh chr_cased bod sin".split(" ")

let given: GivenIndex
let bodies: string[]
let queries: string[]
let application: string

const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { numRuns: count, seed: SEED })

/** Draws pieces of real text, shuffled sentences in every case and normalisation form, and arbitrary text. */
function drawBodies(paragraphs: string[]): string[] {
  const words = [...SAMPLES, ...SAMPLES.flatMap((text) => text.split(" "))]
  const piece = fc
    .tuple(fc.constantFrom(...paragraphs), fc.nat(), fc.integer({ min: 1, max: 120 }))
    .map(([text, at, length]) =>
      [...text]
        .slice(at % [...text].length)
        .slice(0, length)
        .join(""),
    )
  const mixed = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(" "))
  const body = fc
    .oneof(
      { weight: 5, arbitrary: piece },
      { weight: 3, arbitrary: mixed },
      { weight: 1, arbitrary: fc.string({ unit, minLength: 1, maxLength: 60 }) },
      { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom("a", "b", " "), minLength: 1, maxLength: 400 }) },
    )
    .chain((text) => fc.constantFrom(text, text, text.toUpperCase(), text.normalize("NFD"), text.normalize("NFC")))
  return sample(body, BODIES)
}

/** Draws pieces of bodies, 1 to 64 code points long, and changes half of them a little for near misses. */
function drawQueries(): string[] {
  const query = fc
    .tuple(
      fc.constantFrom(...bodies),
      fc.nat(),
      fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 64 })),
      fc.constantFrom("", "", "", "case", "form", "swap", "append"),
      unit,
    )
    .map(([body, at, length, change, extra]) => {
      const characters = [...body]
      const piece = characters.slice(at % characters.length).slice(0, length)
      if (change === "case") return piece.join("").toLowerCase()
      if (change === "form") return [...piece.join("").normalize("NFKD")].slice(0, 64).join("")
      if (change === "swap") return [...piece.slice(1), piece[0]].join("")
      return change === "append" ? [...piece.slice(0, 63), extra].join("") : piece.join("")
    })
    .filter((text) => fold(text) !== "" && text.isWellFormed())
  return sample(query, QUERIES)
}

beforeAll(async () => {
  const paragraphs = (await Promise.all([...LANGUAGES, ...MORE_LANGUAGES].map(readParagraphs))).map((texts, index) => {
    if (texts.length === 0) throw new Error(`no text in the language ${[...LANGUAGES, ...MORE_LANGUAGES][index]}`)
    return texts
  })
  bodies = drawBodies(paragraphs.flat())
  queries = drawQueries()
  given = await givenIndex()
  application = givenToken()
  await givenDocuments(given, application, 1, bodies)
  await givenDocuments(given, application, 2, bodies.slice(0, OTHER_CHAT))
  await givenDocuments(given, givenToken(), 1, bodies.slice(0, OTHER_CHAT))
}, ORACLE_TIMEOUT_MS)
afterAll(() => given.remove())

/** Returns the places of the hits of all pages, and the totals that the pages gave. */
async function searchAll(scope: SearchScope, query: string, order: "asc" | "desc") {
  const found: string[] = []
  const totals = new Set<number>()
  for (let after: SearchAnswer["next"] = null; ; ) {
    const request = { ...scope, query: fold(query) as FoldedQuery, order, after, limit: PAGE, timeoutMs: TIMEOUT_MS }
    const { hits, next, total } = await searchIndex(given.client, given.alias, request)
    found.push(...hits.map(({ chat_number, number }) => `${chat_number}/${number}`))
    totals.add(total)
    if (next === null) return { found, totals: [...totals] }
    after = next
  }
}

test(
  `${BODIES} bodies in 25 scripts, searched for ${QUERIES} pieces of 1 to 64 characters and near misses: exactly the matches`,
  async () => {
    const folded = bodies.map(fold)
    let matches = 0
    let misses = 0
    for (const [index, query] of queries.entries()) {
      const order = index % 2 === 0 ? "desc" : "asc"
      const needle = fold(query)
      const expected = folded.flatMap((body, at) => (body.includes(needle) ? [`1/${at + 1}`] : []))
      if (order === "desc") expected.reverse()
      const answer = await searchAll({ application, chat: 1 }, query, order)
      // Compared as text, since showing a difference of thousands of numbers would take minutes.
      expect({ query, totals: answer.totals, found: answer.found.join(" ") }).toEqual({
        query,
        totals: [expected.length],
        found: expected.join(" "),
      })
      matches += expected.length
      if (expected.length === 0) misses++
    }
    // Enough queries match, and enough do not.
    expect(matches).toBeGreaterThan(50 * QUERIES)
    expect(misses).toBeGreaterThan(QUERIES / 20)
  },
  ORACLE_TIMEOUT_MS,
)

test(
  "an application of two chats, searched: exactly the matches of both, by time, then by chat",
  async () => {
    const folded = bodies.map(fold)
    for (const query of queries.slice(0, APPLICATION_QUERIES)) {
      const needle = fold(query)
      const expected = folded.flatMap((body, at) => {
        if (!body.includes(needle)) return []
        return at < OTHER_CHAT ? [`1/${at + 1}`, `2/${at + 1}`] : [`1/${at + 1}`]
      })
      const answer = await searchAll({ application, without: [] }, query, "asc")
      expect({ query, found: answer.found.join(" ") }).toEqual({ query, found: expected.join(" ") })
    }
  },
  ORACLE_TIMEOUT_MS,
)
