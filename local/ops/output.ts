/**
 * The output of a command depends on its reader. A terminal gets aligned tables and moving bars; a file or pipe gets
 * plain lines with values separated by tabs; a program (`--json`) gets one JSON document, and nothing else, on standard
 * output. Progress and errors go to standard error, with `--json` as JSON lines.
 */
import type { Writable } from "node:stream"

const BAR_WIDTH = 30
/** Smooth enough to watch, at next to no cost. */
const REDRAW_EVERY_MS = 100
/** Without a terminal, progress is printed this often. */
const LINE_EVERY_MS = 5_000

type Cell = string | number | boolean | null | undefined
export type Row = Record<string, Cell>

export type Progress = {
  /** Shows `done` of `total`, or `note` in place of the numbers; `total` is absent where it is not known. */
  set(done: number, total?: number, note?: string): void
  end(): void
}

export type Output = {
  /** Writes a line; nothing with `--json`. */
  line(text?: string): void
  /** Writes rows below the names of their members; nothing with `--json`. */
  table(rows: Row[]): void
  /** Writes the whole answer as one JSON document; nothing without `--json`. */
  document(value: unknown): void
  /** Writes a line to standard error. */
  error(text: string): void
  progress(label: string): Progress
}

/** A stream that may be a terminal. */
export type Stream = Pick<Writable, "write"> & { isTTY?: boolean }
type Options = { json: boolean; stdout: Stream; stderr: Stream }

export function createOutput({ json, stdout, stderr }: Options): Output {
  const line = (text = "") => void (json || stdout.write(`${text}\n`))
  return {
    line,
    table(rows) {
      for (const text of stdout.isTTY ? aligned(rows) : tabbed(rows)) line(text)
    },
    document: (value) => void (json && stdout.write(`${JSON.stringify(value)}\n`)),
    error: (text) => void stderr.write(json ? `${JSON.stringify({ error: text })}\n` : `${text}\n`),
    progress: (label) => createProgress(label, { json, stderr }),
  }
}

const textOf = (cell: Cell): string => (cell === null || cell === undefined ? "–" : String(cell))

const namesOf = (rows: Row[]): string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))]

function tabbed(rows: Row[]): string[] {
  const names = namesOf(rows)
  if (names.length === 0) return []
  return [names.join("\t"), ...rows.map((row) => names.map((name) => textOf(row[name])).join("\t"))]
}

/** Returns the rows in columns of equal width, numbers aligned to the right. */
function aligned(rows: Row[]): string[] {
  const columns = namesOf(rows).map((name) => {
    const cells = rows.map((row) => textOf(row[name]))
    const width = Math.max(name.length, ...cells.map((cell) => cell.length))
    const isNumber = rows.every((row) => typeof row[name] === "number" || row[name] === null || row[name] === undefined)
    const pad = (text: string) => (isNumber ? text.padStart(width) : text.padEnd(width))
    return { head: pad(name), rule: "─".repeat(width), cells: cells.map(pad) }
  })
  const lineOf = (pick: (column: (typeof columns)[number]) => string) => columns.map(pick).join("  ").trimEnd()
  if (columns.length === 0) return []
  return [
    lineOf(({ head }) => head),
    lineOf(({ rule }) => rule),
    ...rows.map((_, index) => lineOf(({ cells }) => cells[index] ?? "")),
  ]
}

function createProgress(label: string, { json, stderr }: Omit<Options, "stdout">): Progress {
  const moving = !json && stderr.isTTY === true
  const everyMs = moving ? REDRAW_EVERY_MS : LINE_EVERY_MS
  let shownAt = Date.now() - (moving ? everyMs : 0)
  let state: State | undefined
  const show = () => {
    if (!state) return
    shownAt = Date.now()
    if (json) stderr.write(`${JSON.stringify({ progress: label, ...state })}\n`)
    else stderr.write(moving ? `\r\u001B[K${barOf(label, state)}` : `${barOf(label, state)}\n`)
  }
  return {
    set(done, total, note) {
      state = { done, ...(total === undefined ? {} : { total }), ...(note === undefined ? {} : { note }) }
      if (Date.now() - shownAt >= everyMs) show()
    },
    end() {
      if (moving) stderr.write("\r\u001B[K")
      else show()
    },
  }
}

type State = { done: number; total?: number; note?: string }

function barOf(label: string, { done, total, note }: State): string {
  if (total === undefined) return `${label}: ${note ?? done}`
  const share = total === 0 ? 1 : Math.min(done / total, 1)
  const filled = Math.round(share * BAR_WIDTH)
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${Math.floor(share * 100)} % ${label}: ${note ?? `${done} of ${total}`}`
}
