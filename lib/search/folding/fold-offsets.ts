// Folds text and remembers where each folded character came from, so that a match in the folded text can be shown in
// the original. Each code point ("character" below) is folded alone, up to but excluding the composition (NFC); only
// whether a diacritic is dropped depends on what precedes it. NFC never reaches across the start of a character that
// neither composes with nor moves before what precedes it, so the text is cut there into clusters: nearly always one
// character, otherwise aligned piece by piece.
import { foldDecomposed, isAscii } from "./fold.ts"
import { normalize } from "./normalize.ts"

export type FoldedText = {
  /** Always equal to fold(text). */
  folded: string
  /**
   * Returns the smallest run of whole original characters from which folded.slice(from, to) was made, in UTF-16
   * offsets, end exclusive, with the diacritics dropped from its last character. `from` must be less than `to`.
   */
  original: (from: number, to: number) => { start: number; end: number }
}

/**
 * Matches code points that may join what precedes them: combining marks, vowels and finals of Hangul, one Kirat Rai
 * vowel. A test covers every composition of Unicode.
 */
const JOINS_PREVIOUS = /^[\p{M}\u1161-\u1175\u11a8-\u11c2\u{16d67}]/u
const FIRST_JOINING = 0x300

const COMBINING_MARK = /^\p{M}/u

/**
 * A longer run that composes is aligned as a whole, and a match highlights all of it: exact alignment normalises each
 * rest of the run again, and no language stacks more than a handful of marks that stay.
 */
const RUN_ALIGNED_MAX = 12

/** Characters remembered: more than the letters of any few languages, some 100 KB. */
const REMEMBERED_MAX = 4096

type Part = { decomposed: string; composed: string; joins: boolean }
type FoldedCharacter = {
  /** What it folds to after a letter. */
  part: Part
  /** What it folds to after anything else: the same, but for a diacritic. */
  otherPart: Part
  /** Whether what follows it stands after a letter; undefined if that is as before it. */
  endsInLetter: boolean | undefined
}
const remembered = new Map<string, FoldedCharacter>()

const partOf = (decomposed: string): Part => {
  return { decomposed, composed: normalize(decomposed, "NFC"), joins: joinsPrevious(decomposed) }
}

/** Folds one code point. Remembers it, since texts have few distinct ones and normalising is slow. */
function foldCharacter(character: string): FoldedCharacter {
  const known = remembered.get(character)
  if (known) return known
  if (remembered.size >= REMEMBERED_MAX) remembered.clear()
  const [one, other] = [foldDecomposed(character, true), foldDecomposed(character, false)]
  const part = partOf(one.text)
  const folded = {
    part,
    otherPart: one.text === other.text ? part : partOf(other.text),
    endsInLetter: one.isAfterLetter === other.isAfterLetter ? one.isAfterLetter : undefined,
  }
  remembered.set(character, folded)
  return folded
}

function joinsPrevious(text: string): boolean {
  return text.charCodeAt(0) >= FIRST_JOINING && JOINS_PREVIOUS.test(text)
}

/** The characters that fold to something, with their UTF-16 offsets. */
type Characters = { parts: Part[]; starts: number[]; ends: number[] }

function takeApart(text: string): Characters {
  const characters: Characters = { parts: [], starts: [], ends: [] }
  const { parts, starts, ends } = characters
  let offset = 0
  let isAfterLetter = true
  for (const character of text) {
    const end = offset + character.length
    const folded = foldCharacter(character)
    const part = isAfterLetter ? folded.part : folded.otherPart
    isAfterLetter = folded.endsInLetter ?? isAfterLetter
    if (part.decomposed !== "") {
      parts.push(part)
      starts.push(offset)
      ends.push(end)
    } else if (ends.at(-1) === offset && COMBINING_MARK.test(character)) {
      // A dropped accent is shown with its letter; a tatweel is not.
      ends[ends.length - 1] = end
    }
    offset = end
  }
  return characters
}

/** Receives `composed`, made of the pieces or characters from `first` to `last`. */
type Emit = (composed: string, first: number, last: number) => void

/**
 * Composes a run of code points, all but the first of which join their predecessors, and emits what each part of the
 * result was made of: the shortest parts p with NFC(run) = NFC(p1) + NFC(p2) + …
 */
function composeRun(pieces: string[], emit: Emit): void {
  const run = pieces.join("")
  let restComposed = normalize(run, "NFC")
  if (restComposed === run) {
    for (const [index, piece] of pieces.entries()) emit(piece, index, index)
    return
  }
  if (pieces.length > RUN_ALIGNED_MAX) {
    emit(restComposed, 0, pieces.length - 1)
    return
  }
  let from = 0
  for (let to = 1; to <= pieces.length; to++) {
    const head = pieces.slice(from, to).join("").normalize("NFC")
    const tail = pieces.slice(to).join("").normalize("NFC")
    if (head + tail !== restComposed) continue
    emit(head, from, to - 1)
    restComposed = tail
    from = to
  }
}

/** Composes the characters from `first` to before `end`, which may have grown together. */
function composeCluster(parts: Part[], first: number, end: number, emit: Emit): void {
  const pieces: string[] = []
  const owners: number[] = []
  for (let index = first; index < end; index++) {
    for (const piece of (parts[index] as Part).decomposed) {
      pieces.push(piece)
      owners.push(index)
    }
  }
  for (let from = 0; from < pieces.length; ) {
    let to = from + 1
    while (to < pieces.length && joinsPrevious(pieces[to] as string)) to++
    const base = from
    composeRun(pieces.slice(from, to), (composed, firstPiece, lastPiece) =>
      emit(composed, owners[base + firstPiece] as number, owners[base + lastPiece] as number),
    )
    from = to
  }
}

/** Folds as `fold` does and keeps the way back to the original. */
export function foldWithOffsets(text: string): FoldedText {
  if (isAscii(text)) return { folded: text.toLowerCase(), original: (start, end) => ({ start, end }) }

  const { parts, starts, ends } = takeApart(text)
  const firsts: number[] = [] // for each UTF-16 unit of the folded text, the first character it was made of
  const lasts: number[] = [] // and the last
  let folded = ""
  const emit: Emit = (composed, first, last) => {
    folded += composed
    for (let unit = 0; unit < composed.length; unit++) {
      firsts.push(first)
      lasts.push(last)
    }
  }
  for (let first = 0; first < parts.length; ) {
    let end = first + 1
    while (parts[end]?.joins) end++
    if (end === first + 1) emit((parts[first] as Part).composed, first, first)
    else composeCluster(parts, first, end, emit)
    first = end
  }
  return {
    folded,
    original: (from, to) => ({
      start: starts[firsts[from] as number] as number,
      end: ends[lasts[to - 1] as number] as number,
    }),
  }
}
