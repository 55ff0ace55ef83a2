// Shows how far a program is: on a terminal one line that is written over, elsewhere a line every few seconds.

import { STOPPED } from "./failures.ts"

const TERMINAL_MS = 200
const ELSEWHERE_MS = 5_000

/** Returns a number with its noun: "1 line", "2,000 lines". */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`

export type Progress = {
  /** Shows the text that this returns, if the last one is some time ago. */
  show(text: () => string): void
  /** Ends the line of a terminal, so that other lines can follow. */
  end(): void
}

export function progressOn(stream: NodeJS.WriteStream): Progress {
  const every = stream.isTTY ? TERMINAL_MS : ELSEWHERE_MS
  let last = performance.now()
  let open = false
  return {
    show(text) {
      const now = performance.now()
      if (now - last < every) return
      last = now
      stream.write(stream.isTTY ? `\r\x1b[K${text()}` : `${text()}\n`)
      open = stream.isTTY
    },
    end() {
      if (open) stream.write("\r\x1b[K")
      open = false
    },
  }
}

/** Returns a signal that SIGINT and SIGTERM abort. A second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(STOPPED)
    stop.abort()
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  return stop.signal
}
