/**
 * DESIGN. One cursor over an application reads its changes one page after the other, which is slower than the API and
 * this program could be. So an export first notes where the changes of the application stand, then reads those of each
 * chat from the beginning, several chats side by side, and then the changes of the application from what it noted. The
 * lines of a chat are in the order of its writes all the while. What is written during the export may come twice; the
 * last line of a resource is its latest state.
 */
import type { ApplicationHandle } from "../../src/application.ts"
import type { Change } from "../../src/changes.ts"
import { NotFoundError } from "../../src/errors.ts"
import { count, type Progress } from "../progress.ts"
import { lineOf, type Output } from "./output.ts"
import type { ExportState } from "./state.ts"

/** How long a crash may set an export back. */
const SAVE_MS = 1_000

export type Export = {
  application: ApplicationHandle
  output: Output
  state: ExportState | undefined
  save: ((state: Omit<ExportState, "version" | "url" | "application">) => Promise<void>) | undefined
  /** Chats that are read side by side. */
  concurrency: number
  follow: boolean
  signal: AbortSignal
  progress: Progress
}

/** Runs an export, and returns how many lines it wrote. It ends when all is read, or with `follow` once it is stopped. */
export async function runExport(given: Export): Promise<number> {
  const run = new Run(given)
  try {
    await run.start()
    await run.readChats()
    await run.readChanges()
  } finally {
    await run.save()
  }
  return run.lines
}

class Run {
  readonly #given: Export
  lines = 0
  #cursor: string | undefined
  /** Chats are read while this is set. */
  #chats: Chats | undefined
  #saved = performance.now()
  #saving = Promise.resolve()

  constructor(given: Export) {
    this.#given = given
    const { state } = given
    this.#cursor = state?.cursor
    if (state?.chats === undefined) return
    const { upTo, read, cursors } = state.chats
    const open = Object.entries(cursors).map(([chat, cursor]) => [Number(chat), cursor] as const)
    this.#chats = { upTo, read: new Set(read), open: new Map(open) }
  }

  /** Notes where the changes of the application stand, unless an earlier run has. */
  async start(): Promise<void> {
    if (this.#cursor !== undefined) return
    for await (const { cursor } of this.#given.application.changes({ cursor: "latest", follow: false }).pages())
      this.#cursor = cursor
    this.#chats = { upTo: 0, read: new Set(), open: new Map() }
    await this.save()
  }

  /** Reads all chats that are not read yet. */
  async readChats(): Promise<void> {
    const chats = this.#chats
    if (chats === undefined) return
    const { concurrency, signal } = this.#given
    const stop = new AbortController()
    const numbers = this.#unread({ ...chats })
    const work = async () => {
      for (let next = await numbers.next(); next.value !== undefined; next = await numbers.next()) {
        if (signal.aborted || stop.signal.aborted) return
        await this.#readChat(chats, next.value, stop.signal)
      }
    }
    const failing = (error: unknown) => {
      stop.abort()
      throw error
    }
    const outcomes = await Promise.allSettled(Array.from({ length: concurrency }, () => work().catch(failing)))
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
    if (signal.aborted) return
    this.#chats = undefined
    await this.save()
  }

  async *#unread({ upTo, read, open }: Chats): AsyncGenerator<number, undefined, undefined> {
    for await (const { number } of this.#given.application.chats()) {
      if (number <= upTo || read.has(number)) continue
      open.set(number, open.get(number))
      yield number
    }
    return undefined
  }

  async #readChat({ read, open }: Chats, chat: number, stop: AbortSignal): Promise<void> {
    const { application, signal } = this.#given
    const changes = application.changes({ chat, cursor: open.get(chat), follow: false })
    try {
      for await (const page of changes.pages()) {
        await this.#write(page.data, () => open.set(chat, page.cursor))
        if (signal.aborted || stop.aborted) return
      }
    } catch (error) {
      // It was deleted meanwhile, which the changes of the application tell.
      if (!(error instanceof NotFoundError)) throw error
    }
    read.add(chat)
    open.delete(chat)
  }

  /** Reads the changes of the application from where it stands. */
  async readChanges(): Promise<void> {
    const { application, follow, signal } = this.#given
    if (this.#chats !== undefined) return
    const changes = application.changes({ cursor: this.#cursor, follow, signal })
    try {
      for await (const { data, cursor } of changes.pages()) {
        await this.#write(data, () => {
          this.#cursor = cursor
        })
        if (signal.aborted) return
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #write(changes: Change[], written: () => void): Promise<void> {
    await this.#given.output.append(changes.map(lineOf).join(""), written)
    this.lines += changes.length
    this.#given.progress.show(() => `Written: ${count(this.lines, "line")}`)
    if (performance.now() - this.#saved >= SAVE_MS) await this.save()
  }

  /** Saves the state, once any save before is done. */
  save(): Promise<void> {
    this.#saved = performance.now()
    this.#saving = this.#saving.then(async () => {
      if (this.#cursor === undefined) return
      this.#forgetRead()
      const { output, save } = this.#given
      const state = { bytes: output.bytes, cursor: this.#cursor, ...this.#chatsState() }
      await output.flush()
      await save?.(state)
    })
    return this.#saving
  }

  /** Raises the number up to which all chats are read. */
  #forgetRead(): void {
    const chats = this.#chats
    if (chats === undefined) return
    const lowest = Math.min(...chats.open.keys())
    for (const number of [...chats.read].sort((a, b) => a - b)) {
      if (number >= lowest) break
      chats.read.delete(number)
      chats.upTo = number
    }
  }

  #chatsState(): Pick<ExportState, "chats"> {
    if (this.#chats === undefined) return {}
    const { upTo, read, open } = this.#chats
    const cursors = Object.fromEntries([...open].filter((entry): entry is [number, string] => entry[1] !== undefined))
    return { chats: { upTo, read: [...read], cursors } }
  }
}

/** All up to `upTo` are read, and those of `read`. Those of `open` are being read, from their cursor on. */
type Chats = { upTo: number; read: Set<number>; open: Map<number, string | undefined> }
