// The state of an export: how much of its file holds, and from where it goes on.
import { readFile, rename, writeFile } from "node:fs/promises"

const VERSION = 1

export type ExportState = {
  version: number
  url: string
  /** Tells applications apart without giving the token away. */
  application: string
  /** How much of the file is written. */
  bytes: number
  /** Where the changes of the application go on once its chats are read. */
  cursor: string
  /** Set until all chats are read. */
  chats?: {
    /** All up to this number are read. */
    upTo: number
    /** Those above that are read, too. */
    read: number[]
    /** Where those go on that are being read. */
    cursors: Record<string, string>
  }
}

/** Reads a state; undefined if there is none. Throws an Error if it is that of another export. */
export async function readState(path: string, url: string, application: string): Promise<ExportState | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  if (text === undefined) return undefined
  const state = parsed(text)
  if (state?.version !== VERSION) throw new Error(`${path} is not the state of an export of this version`)
  if (state.url === url && state.application === application) return state
  throw new Error(`${path} is the state of an export from another API or application`)
}

function parsed(text: string): ExportState | undefined {
  try {
    return JSON.parse(text) as ExportState
  } catch {
    return undefined
  }
}

export async function writeState(path: string, state: Omit<ExportState, "version">): Promise<void> {
  const fresh = `${path}.new`
  await writeFile(fresh, `${JSON.stringify({ version: VERSION, ...state })}\n`, { mode: 0o600 })
  await rename(fresh, path)
}
