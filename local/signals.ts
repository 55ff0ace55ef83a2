/** npm, the bootstrap and the terminal each hand on one and the same Ctrl-C; what comes within this counts as one. */
const SAME_SIGNAL_MS = 1000

export type StopSignals = {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, or when the process that started this one is gone. */
  stop: AbortSignal
  /** Aborted by the next one. */
  hurry: AbortSignal
}

/** Turns this process's signals into a wish to stop, and a wish to stop at once. */
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
  // A terminal that was closed must not keep the services from being stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  return { stop: stop.signal, hurry: hurry.signal }
}

/** Resolves when a signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
