/** Times that a timer can hold; a longer one would fire at once. */
const TIMER_MAX_MS = 2_147_483_647

/**
 * Runs `run` with a signal that ends with `signal` or after `timeoutMs`, and rejects at that moment, whatever `run` does,
 * with the signal's reason or with what `timedOut` returns. Nothing stays behind on `signal`, which may live long.
 */
export function within<T>(
  run: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  timedOut: () => unknown,
  signal?: AbortSignal,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  const own = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const clear = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", onAbort)
    }
    const end = (reason: unknown): void => {
      clear()
      // First, so that `run`, which fails by the abort, cannot reject before.
      reject(reason)
      own.abort(reason)
    }
    const onAbort = (): void => end(signal?.reason)
    const timer = setTimeout(() => end(timedOut()), Math.min(timeoutMs, TIMER_MAX_MS))
    signal?.addEventListener("abort", onAbort)
    run(own.signal).then(resolve, reject).finally(clear)
  })
}

/** Waits. Rejects at once with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", onAbort)
        resolve()
      },
      Math.min(ms, TIMER_MAX_MS),
    )
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}
