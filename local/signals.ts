/** npm, the bootstrap and the terminal each forward the same Ctrl-C, so signals within this time count as one. */
const SAME_SIGNAL_MS = 1000

export type StopSignals = {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, or when the parent process is gone. */
  stop: AbortSignal
  /** Aborted by the next one. */
  hurry: AbortSignal
}

/** Turns this process's signals into two abort signals: to stop in order, and to stop at once. */
export const stopSignals = (): StopSignals => {
  const stop = new AbortController()
  const hurry = new AbortController()
  let firstAt = Number.POSITIVE_INFINITY
  const ask = () => {
    if (!stop.signal.aborted) {
      firstAt = Date.now()
      stop.abort()
    } else if (Date.now() - firstAt > SAME_SIGNAL_MS) hurry.abort()
  }
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, ask)
  process.on("disconnect", ask)
  // Writing to a closed terminal must not prevent the services from being stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  return { stop: stop.signal, hurry: hurry.signal }
}

/** Resolves when a signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
