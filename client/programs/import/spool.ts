/**
 * DESIGN. A source is read as a whole before anything is written, and its chats are then sent side by side. So what it
 * tells is kept meanwhile: the messages, as the API takes them, in a file on the disk; in memory 28 bytes for each of
 * them, of what chat it is and where it stands. These are sorted by chat and by what orders a chat's messages. Messages are
 * written in large blocks, within which those of a chat lie together, so that they can be read together.
 */
import { rmSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { NewMessage } from "./fit.ts"

/** Of a block: with some hundred bytes for a message and a hundred chats, those of one chat are hundreds. */
const BLOCK_BYTES = 16 * 1024 ** 2
const CAPACITY_AT_FIRST = 1_024
/** The maximum number of records that one read returns, and their maximum size in all. */
const READ_RECORDS = 256
const READ_BYTES = 1024 ** 2

/** What a chat's messages are ordered by: their number, or a time; those of one key stay as they came. */
export type Key = number

type Columns = { chat: Uint32Array; key: Float64Array; offset: Float64Array; length: Uint32Array }

const columns = (capacity: number): Columns => ({
  chat: new Uint32Array(capacity),
  key: new Float64Array(capacity),
  offset: new Float64Array(capacity),
  length: new Uint32Array(capacity),
})

function grown(old: Columns): Columns {
  const next = columns(old.chat.length * 2)
  next.chat.set(old.chat)
  next.key.set(old.key)
  next.offset.set(old.offset)
  next.length.set(old.length)
  return next
}

export type Record = { key: Key; json: string }

export class Spool {
  readonly #file: FileHandle
  #columns = columns(CAPACITY_AT_FIRST)
  #count = 0
  #offset = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** The entries by chat and key, and where each chat's begin. */
  #order = new Uint32Array(0)
  #starts: number[] = []

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** Makes a spool at this path. The file has no name any more once it is open, so that it is gone with the process. */
  static async create(path: string): Promise<Spool> {
    const spool = new Spool(await open(path, "w+", 0o600))
    try {
      rmSync(path)
    } catch {
      // Windows does not remove an open file; it stays and is overwritten the next time.
    }
    return spool
  }

  /** Adds a message, or with null the notice that the one of this key is gone. */
  async add(chat: number, key: Key, message: NewMessage | null): Promise<void> {
    if (this.#count === this.#columns.chat.length) this.#columns = grown(this.#columns)
    const bytes = message === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(message))
    const { chat: chats, key: keys, length } = this.#columns
    chats[this.#count] = chat
    keys[this.#count] = key
    length[this.#count] = bytes.length
    this.#count++
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= BLOCK_BYTES) await this.#flush()
  }

  /** Writes the pending messages, which are the last ones, by chat. */
  async #flush(): Promise<void> {
    const { chat, offset } = this.#columns
    const first = this.#count - this.#pending.length
    const entries = Uint32Array.from(this.#pending, (_, index) => first + index)
    entries.sort((a, b) => (chat[a] as number) - (chat[b] as number) || a - b)
    const blocks: Buffer[] = []
    for (const entry of entries) {
      const bytes = this.#pending[entry - first] as Buffer
      offset[entry] = this.#offset
      this.#offset += bytes.length
      blocks.push(bytes)
    }
    const block = Buffer.concat(blocks)
    for (let from = 0; from < block.length; ) from += (await this.#file.write(block, from)).bytesWritten
    this.#pending = []
    this.#pendingBytes = 0
  }

  /**
   * Sorts what was added. If `unique`, the last message of each key holds, and it is left out if it was a notice that it
   * is gone. Nothing may be added afterwards.
   */
  async sort(chats: number, unique: (chat: number) => boolean): Promise<void> {
    await this.#flush()
    const { chat, key, length } = this.#columns
    const starts = new Uint32Array(chats + 1)
    for (const of of chat.subarray(0, this.#count)) starts[of + 1] = (starts[of + 1] as number) + 1
    for (let index = 0; index < chats; index++)
      starts[index + 1] = (starts[index + 1] as number) + (starts[index] as number)
    const order = new Uint32Array(this.#count)
    const next = starts.slice()
    for (let entry = 0; entry < this.#count; entry++) {
      const of = chat[entry] as number
      order[next[of] as number] = entry
      next[of] = (next[of] as number) + 1
    }
    let kept = 0
    this.#starts = [0]
    for (let index = 0; index < chats; index++) {
      const entries = order.subarray(starts[index], starts[index + 1])
      if (!isSorted(entries, key)) entries.sort((a, b) => (key[a] as number) - (key[b] as number) || a - b)
      const only = unique(index)
      for (let place = 0; place < entries.length; place++) {
        const entry = entries[place] as number
        if (only && key[entry] === key[entries[place + 1] as number]) continue
        if (length[entry] !== 0) order[kept++] = entry
      }
      this.#starts.push(kept)
    }
    this.#order = order.subarray(0, kept)
  }

  /** The number of a chat's messages, once they are sorted. */
  countOf(chat: number): number {
    return (this.#starts[chat + 1] ?? 0) - (this.#starts[chat] ?? 0)
  }

  /** The greatest key of a chat's messages, or 0. */
  lastKeyOf(chat: number): number {
    const last = this.countOf(chat) - 1
    return last < 0 ? 0 : this.#keyAt(chat, last)
  }

  /** The number of a chat's messages whose key is at most this one. */
  countUpTo(chat: number, key: Key): number {
    let [low, high] = [0, this.countOf(chat)]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keyAt(chat, middle) <= key) low = middle + 1
      else high = middle
    }
    return low
  }

  #keyAt(chat: number, index: number): number {
    return this.#columns.key[this.#order[(this.#starts[chat] as number) + index] as number] as number
  }

  /** Yields a chat's messages in order, from the one at `from`, which counts from 0. */
  async *messagesOf(chat: number, from = 0): AsyncGenerator<Record> {
    const first = this.#starts[chat] as number
    const count = this.countOf(chat)
    for (let index = from; index < count; ) {
      const entries = this.#neighbours(first + index, first + Math.min(count, index + READ_RECORDS))
      const bytes = await this.#read(entries[0] as number, entries.at(-1) as number)
      const start = this.#columns.offset[entries[0] as number] as number
      for (const entry of entries) {
        const at = (this.#columns.offset[entry] as number) - start
        const json = bytes.toString("utf8", at, at + (this.#columns.length[entry] as number))
        yield { key: this.#columns.key[entry] as number, json }
      }
      index += entries.length
    }
  }

  /** Returns the entries from one place on, before another, that lie side by side. */
  #neighbours(from: number, to: number): number[] {
    const { offset, length } = this.#columns
    const entries = [this.#order[from] as number]
    const start = offset[entries[0] as number] as number
    let end = start + (length[entries[0] as number] as number)
    for (let place = from + 1; place < to; place++) {
      const entry = this.#order[place] as number
      if (offset[entry] !== end || end - start > READ_BYTES) break
      entries.push(entry)
      end += length[entry] as number
    }
    return entries
  }

  async #read(first: number, last: number): Promise<Buffer> {
    const { offset, length } = this.#columns
    const start = offset[first] as number
    const bytes = Buffer.alloc((offset[last] as number) + (length[last] as number) - start)
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, start)
    if (bytesRead !== bytes.length) throw new Error("the spool is shorter than what was written to it")
    return bytes
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

function isSorted(entries: Uint32Array, key: Float64Array): boolean {
  for (let place = 1; place < entries.length; place++)
    if ((key[entries[place - 1] as number] as number) > (key[entries[place] as number] as number)) return false
  return true
}
