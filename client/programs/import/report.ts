// The report of an import: a line of JSON for each thing that was left out or changed, and why.
import { type FileHandle, open, rm } from "node:fs/promises"
import { placeText } from "./fit.ts"
import type { Place } from "./format.ts"

const WRITE_CHARACTERS = 65_536
/** Kinds that are counted by name in the summary; a source may have many names of metadata. */
const KINDS_MAX = 50
/** Problems that are shown; a file that is no export at all has one on every line. */
const PROBLEMS_MAX = 20

type Line = { what: string; why: string; at: Place; chat?: string; id?: string }
/** If there are several reasons, the first one is shown as an example. */
type Kind = { count: number; why: string; varies: boolean }

export class Report {
  readonly path: string
  #file: FileHandle | undefined
  #pending = ""
  readonly #kinds = new Map<string, Kind>()
  #problems = 0
  #isDamaged = false
  /** The options that are missing. */
  readonly #options = new Set<string>()
  readonly #shown: string[] = []

  constructor(path: string) {
    this.path = path
  }

  leftOut(line: Line): void {
    this.#add(line)
    const name = this.#kinds.has(line.what) || this.#kinds.size < KINDS_MAX ? line.what : "other things"
    const kind = this.#kinds.get(name) ?? { count: 0, why: line.why, varies: false }
    kind.count++
    kind.varies ||= kind.why !== line.why
    this.#kinds.set(name, kind)
  }

  /** Adds what is wrong with the source, or with `option` what the command line must tell of it. */
  problem(why: string, at: Place, option?: string): void {
    this.#add({ what: "problem", why, at })
    this.#problems++
    if (option === undefined) this.#isDamaged = true
    else this.#options.add(option)
    if (this.#shown.length < PROBLEMS_MAX) this.#shown.push(`${placeText(at)}: ${why}`)
  }

  get problems(): number {
    return this.#problems
  }

  /** Returns what is to be done about the problems. */
  advice(): string {
    const options = [...this.#options].join(" and ")
    if (options === "") return "Mend the source, or tell its --format"
    return this.#isDamaged ? `Mend the source, give ${options}` : `Give ${options}`
  }

  #add({ what, why, at, chat, id }: Line): void {
    this.#pending += `${JSON.stringify({ what, why, chat, id, ...at })}\n`
  }

  /** Writes what is pending, if there is enough of it or `all` is wanted. A report without a line is no file. */
  async flush(all = false): Promise<void> {
    if (this.#pending.length < (all ? 1 : WRITE_CHARACTERS)) return
    this.#file ??= await open(this.path, "w", 0o600)
    await this.#file.write(this.#pending)
    this.#pending = ""
  }

  async close(): Promise<void> {
    await this.flush(true)
    if (this.#file === undefined) await rm(this.path, { force: true })
    await this.#file?.close()
  }

  /** Returns the lines that tell a person what was left out, and what is wrong with the source. */
  summary(): string[] {
    const kinds = [...this.#kinds].toSorted(([, a], [, b]) => b.count - a.count)
    const lines = kinds.map(([what, { count, why, varies }]) => {
      return `  ${count} × ${what}${varies ? ", for example" : ""}: ${why}`
    })
    const unshown = this.#problems - this.#shown.length
    return [
      ...(lines.length === 0 ? [] : ["Left out or changed:", ...lines]),
      ...(this.#problems === 0 ? [] : ["Problems:", ...this.#shown.map((problem) => `  ${problem}`)]),
      ...(unshown <= 0 ? [] : [`  and ${unshown} more`]),
      ...(this.#kinds.size + this.#problems === 0 ? [] : [`Each of them is in ${this.path}.`]),
    ]
  }
}
