// String.normalize sorts each run of combining marks by their canonical combining classes with an insertion sort, so
// that 10,000 marks in the wrong order, which a body may have, take it half a second. Here longer runs than any language
// has are sorted before, which leaves it nothing to move; the result is the same.

/** UAX #15, Stream-Safe Text Format: no text of any language has more than 30 marks on a letter. */
const SORTED_MARKS_MAX = 30
const LONG_RUN = new RegExp(`\\p{M}{${SORTED_MARKS_MAX + 1},}`, "gu")

/** A run of this many UTF-16 units is seen below; shorter ones cost an insertion sort some microseconds. */
const SEEN_RUN = 256
const SAMPLE = 16
/** Matches marks alone; the first and last character may be cut in two. */
const ALL_MARKS = /^\p{Cs}?\p{M}+\p{Cs}?$/u

/** Returns whether there may be a run that is slow. Looks at a few samples, since a search for runs takes longer. */
function mayHaveSlowRun(text: string): boolean {
  for (let at = SEEN_RUN / 2; at < text.length; at += SEEN_RUN / 2)
    if (ALL_MARKS.test(text.slice(at - SAMPLE, at))) return true
  return false
}

const isReordered = (first: string, second: string): boolean => (first + second).normalize("NFD") !== first + second

/** U+0334 has the lowest combining class, and U+0345 the highest. */
const [LOWEST, HIGHEST] = ["\u0334", "\u0345"]
/** Returns whether a decomposed mark has a combining class other than 0, at which no mark moves past another. */
const isMovable = (mark: string): boolean => isReordered(mark, LOWEST) || isReordered(HIGHEST, mark)

/** Returns the combining classes of marks, which JavaScript tells only by what it reorders, as numbers in their order. */
function rankMarks(marks: ReadonlySet<string>): Map<string, number> {
  const ranks = new Map<string, number>()
  let rank = 0
  let previous = ""
  for (const mark of [...marks].join("").normalize("NFD")) {
    if (previous !== "" && isReordered(mark, previous)) rank++
    ranks.set(mark, rank)
    previous = mark
  }
  return ranks
}

/** Returns a run of marks decomposed and in canonical order. */
function sortRun(run: string): string {
  const decomposed = new Map([...new Set(run)].map((mark) => [mark, [...mark.normalize("NFD")]] as const))
  const ranks = rankMarks(new Set([...decomposed.values()].flat().filter(isMovable)))
  let sorted = ""
  let byRank: string[] = []
  for (const mark of [...run].flatMap((character) => decomposed.get(character) ?? [])) {
    const rank = ranks.get(mark)
    if (rank !== undefined) byRank[rank] = (byRank[rank] ?? "") + mark
    else {
      sorted += byRank.join("") + mark
      byRank = []
    }
  }
  return sorted + byRank.join("")
}

/** Returns `text.normalize(form)`, in a time that grows with the text's length alone. */
export function normalize(text: string, form: "NFC" | "NFKD"): string {
  const sorted = mayHaveSlowRun(text) ? text.replace(LONG_RUN, sortRun) : text
  return sorted.normalize(form)
}
