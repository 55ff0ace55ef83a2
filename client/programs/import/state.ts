/**
 * DESIGN. The state of an import is a file of lines of JSON: a head, then a line for each step, of which the last one of
 * a chat holds. A line is added once the API has acknowledged what it says, so the file may lag behind the API, never
 * run ahead of it; what it lags by is found again by reading the end of the chat (send-chat.ts). A line
 * that was cut off by a crash is left out.
 */
import { createHash, randomBytes } from "node:crypto"
import { type FileHandle, open, readFile, rename, writeFile } from "node:fs/promises"

const VERSION = 1
const ID_BYTES = 12

export type Head = {
  version: number
  /** Part of every Idempotency-Key, so that a second import of the same source is not taken for the first. */
  id: string
  url: string
  /** Tells applications apart without giving the token away. */
  application: string
  format: string
  /** The greatest number of a chat that was there before. */
  after: number
}

type Given = Pick<Head, "url" | "application" | "format">

export type ChatState = {
  chat: string
  number: number
  /** Messages that are acknowledged, placeholders among them. */
  done: number
  /** The number of the last of them. */
  last: number
  /** What they were: a chain of hashes. */
  hash: string
  /** Whether the placeholders were deleted again. */
  cleared?: boolean
}

/** A chat was made for a number that the source lacks, so that the next ones keep theirs. */
type PlaceholderLine = { placeholder: number; gone?: boolean }
type Line = ChatState | PlaceholderLine

export const fingerprint = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 22)

export class State {
  readonly head: Head
  /** Whether an earlier run began the import, and may have sent more than the state says. */
  readonly isResumed: boolean
  readonly chats = new Map<string, ChatState>()
  /** The chats that stand for missing ones and are still there. */
  readonly placeholders = new Set<number>()
  /** The greatest number of a chat of this import, or of those before it. */
  lastChat: number
  readonly #file: FileHandle

  private constructor(head: Head, isResumed: boolean, file: FileHandle, lines: Line[]) {
    this.head = head
    this.isResumed = isResumed
    this.lastChat = head.after
    this.#file = file
    for (const line of lines) this.#take(line)
  }

  /**
   * Opens the state of an import, or begins one, with the greatest number of a chat that there is. Throws an Error if the
   * state is that of another import.
   */
  static async open(path: string, given: Given, greatestChat: () => Promise<number>): Promise<State> {
    const [first, ...lines] = await linesOf(path)
    const known = first as Head | undefined
    if (known !== undefined) checkHead(known, given, path)
    const id = randomBytes(ID_BYTES).toString("base64url")
    const head = known ?? { version: VERSION, id, ...given, after: await greatestChat() }
    // Written anew as a whole, so that no line follows one that was cut off.
    const fresh = `${path}.new`
    await writeFile(fresh, [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""), { mode: 0o600 })
    await rename(fresh, path)
    return new State(head, known !== undefined, await open(path, "a"), lines as Line[])
  }

  /** Adds what the API has acknowledged. */
  async add(line: Line): Promise<void> {
    this.#take(line)
    await this.#file.write(`${JSON.stringify(line)}\n`)
  }

  #take(line: Line): void {
    const isChat = "chat" in line
    if (isChat) this.chats.set(line.chat, line)
    else if (line.gone) this.placeholders.delete(line.placeholder)
    else this.placeholders.add(line.placeholder)
    this.lastChat = Math.max(this.lastChat, isChat ? line.number : line.placeholder)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

async function linesOf(path: string): Promise<unknown[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return ""
    throw error
  })
  // What follows the last line feed was cut off.
  const lines = text.split("\n").slice(0, -1)
  try {
    return lines.map((line) => JSON.parse(line) as unknown)
  } catch {
    throw new Error(`${path} is not the state of an import`)
  }
}

/** Throws an Error if there is the state of an import: an application that is yet to be created can have none. */
export async function checkNoState(path: string): Promise<void> {
  if ((await linesOf(path)).length === 0) return
  throw new Error(
    `${path} is the state of an import into another application. To go on with it, give the token of that one in ` +
      "CHAT_TOKEN, and leave --create-application out; to import anew, give another --state",
  )
}

function checkHead(head: Head, given: Given, path: string): void {
  if (head.version !== VERSION) throw new Error(`${path} is not a state of this version of chat-import`)
  const other = (["url", "application", "format"] as const).find((name) => head[name] !== given[name])
  if (other === undefined) return
  const what = other === "application" ? "another application" : `${other} ${head[other]}`
  throw new Error(`${path} is the state of an import with ${what}; give another --state, or remove it to import anew`)
}
