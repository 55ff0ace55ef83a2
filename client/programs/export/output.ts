// Where an export goes: a file, which is cut back to what its state says if it goes on, or the standard output.
import { type FileHandle, open, stat } from "node:fs/promises"

/** JSON may have these in its texts as they are, but many readers end a line there: Node's readline, httpx, requests. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g

/** Of a new file: only its owner may read all that an application has. */
const PRIVATE = 0o600

/** Returns a line of NDJSON. */
export const lineOf = (value: object): string =>
  `${JSON.stringify(value).replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`

export type Output = {
  /** Writes text behind what was written before, and then calls `written` before anything else is written. */
  append(text: string, written: () => void): Promise<void>
  /** How many bytes were written, those of earlier runs included. */
  readonly bytes: number
  /** Waits until what was written would survive a loss of power. */
  flush(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a file to be written: a new one, or with `bytes` the one of an earlier run, from there on. Throws an Error if there
 * is text already that no state tells of, or less than its state says.
 */
export async function fileOutput(path: string, bytes: number | undefined): Promise<Output> {
  const isThere = await stat(path).then(
    ({ size }) => size > 0,
    () => false,
  )
  if (bytes === undefined && isThere)
    throw new Error(`${path} is there already, and no state tells how far it is; give another --output`)
  // A run that was killed early leaves an empty file and no state.
  const file = await open(path, isThere ? "r+" : "w", PRIVATE)
  const from = bytes ?? 0
  const { size } = await file.stat()
  if (size < from) {
    await file.close()
    throw new Error(`${path} is shorter than its state says; remove both to begin anew`)
  }
  await file.truncate(from)
  const write = (text: string, at: number) => writeAt(file, text, at)
  return outputOf({ write, flush: () => file.datasync(), close: () => file.close() }, from)
}

export const standardOutput = (stream: NodeJS.WriteStream): Output => {
  const write = (text: string) => {
    return new Promise<number>((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve(Buffer.byteLength(text))))
    })
  }
  const nothing = async () => undefined
  return outputOf({ write, flush: nothing, close: nothing }, 0)
}

async function writeAt(file: FileHandle, text: string, at: number): Promise<number> {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  return bytes.length
}

type Sink = {
  /** Writes text at a place, and returns how many bytes it has. */
  write(text: string, at: number): Promise<number>
  flush(): Promise<void>
  close(): Promise<void>
}

function outputOf({ write, flush, close }: Sink, from: number): Output {
  let at = from
  let last = Promise.resolve()
  return {
    append(text, written) {
      last = last.then(async () => {
        if (text !== "") at += await write(text, at)
        written()
      })
      return last
    },
    get bytes() {
      return at
    },
    flush,
    close,
  }
}
