// Makes the classes of queries of the search benchmark, each with many different queries, mostly drawn from the bodies.

import { below, pick, type Random } from "../../campaign/load/random.ts"
import { fold } from "../../lib/search/folding/fold.ts"
import type { Corpus } from "./corpus.ts"

const QUERIES_PER_CLASS = 60
const DRAWS_MAX = 100_000
/** Shares of bodies that contain a query; a letter foreign to English may be in one of a thousand. */
const RARE_SHARE = 0.001
const COMMON_SHARE = 0.1

export type QueryClass = { name: string; queries: string[] }

const pieceOf = (random: Random, body: string, length: number): string | undefined => {
  const characters = [...body]
  if (characters.length < length) return undefined
  const at = below(random, characters.length - length + 1)
  return characters.slice(at, at + length).join("")
}

/** Draws pieces of bodies until enough pass `fits`, whose `share` is that of the sample's bodies with the piece. */
function drawPieces(
  random: Random,
  sample: string[],
  lengths: number[],
  fits: (share: number, piece: string) => boolean,
) {
  const folded = sample.map(fold)
  const found = new Set<string>()
  for (let draw = 0; draw < DRAWS_MAX && found.size < QUERIES_PER_CLASS; draw++) {
    const piece = pieceOf(random, pick(random, sample) ?? "", pick(random, lengths) ?? 1)
    const needle = piece === undefined ? "" : fold(piece)
    if (piece === undefined || needle.trim() === "") continue
    const share = folded.filter((body) => body.includes(needle)).length / folded.length
    if (fits(share, needle)) found.add(piece)
  }
  return [...found]
}

const isCommon = (share: number): boolean => share >= COMMON_SHARE
const isRare = (share: number): boolean => share <= RARE_SHARE * 10
const acrossWords = (share: number, piece: string): boolean => !isCommon(share) && /^[a-z]+ [a-z]+$/.test(piece)

/** Returns the classes. `sample` is a few thousand bodies of the chat that is searched. */
export function queryClasses(random: Random, sample: string[], corpus: Corpus): QueryClass[] {
  const draw = (lengths: number[], fits: (share: number, piece: string) => boolean) =>
    drawPieces(random, sample, lengths, fits)
  const absent = Array.from({ length: QUERIES_PER_CLASS }, (_, index) => `qzx${index.toString(36)}vwk`)
  const chinese = Array.from({ length: QUERIES_PER_CLASS }, (_, index) => corpus.chinese(1 + (index % 4)))
  return [
    { name: "1 character, common", queries: draw([1], isCommon) },
    { name: "1 character, rare", queries: draw([1], isRare) },
    { name: "2 characters, common", queries: draw([2], isCommon) },
    { name: "3–4 characters", queries: draw([3, 4], () => true) },
    { name: "8–12 characters", queries: draw([8, 9, 10, 11, 12], () => true) },
    { name: "20 and more", queries: draw([20, 24, 30, 40], () => true) },
    { name: "across words", queries: draw([7, 9, 11], acrossWords) },
    { name: "Chinese", queries: [...new Set(chinese)] },
    { name: "absent", queries: absent },
  ]
}
