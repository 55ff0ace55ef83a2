/**
 * DESIGN. A breaker stands before a dependency that may hang. After some failures in a row it opens: calls fail at
 * once, except one probe at a time, a second after the last failure. The first answer closes it. So a dependency that
 * hangs holds up few calls and is found to be back within a second. A failure counts only if nothing was answered since
 * its call began: one slow call among answered ones proves nothing, nor does one from before the dependency was back.
 */
import { type Dependency, DependencyAway } from "../errors.ts"

/** One failure may be chance, and two may share one hiccup. */
const FAILURES_MAX = 3
/** Delay of a probe after a failure: recovery is noticed soon, and a failing dependency is not flooded. */
const PROBE_AFTER_MS = 1_000
/** Longer than any call takes; after this a probe that never reported its end no longer blocks the next one. */
const PROBE_MAX_MS = 6_000

/**
 * Called when a breaker opens, with the failure that opened it, when it closes, and when a login is refused; with the
 * address of the server where a dependency may have several.
 */
export type Watch = (
  state: "opened" | "closed" | "refused",
  dependency: Dependency,
  error?: unknown,
  server?: string,
) => void

export type Call = { succeeded(): void; failed(error: unknown): void }
export type Breaker = {
  /** Throws DependencyAway while the breaker is open, unless a probe is due. */
  check(): void
  /** Begins a call, whose end the caller must report. */
  begin(): Call
  isOpen(): boolean
  /** Checks, calls and reports. `isFailure` tells whether an error means that the dependency did not answer. */
  run<T>(call: () => Promise<T>, isFailure: (error: unknown) => boolean): Promise<T>
}

export function createBreaker(dependency: Dependency, watch: Watch): Breaker {
  let failures = 0
  let open = false
  let nextProbe = 0
  let answered = Number.NEGATIVE_INFINITY

  function check(): void {
    if (!open) return
    if (performance.now() < nextProbe) throw new DependencyAway(dependency, new Error("failed just before"))
    nextProbe = performance.now() + PROBE_MAX_MS
  }

  function begin(): Call {
    const began = performance.now()
    return {
      succeeded() {
        answered = performance.now()
        failures = 0
        if (open) watch("closed", dependency)
        open = false
      },
      failed(error) {
        if (began <= answered) return
        failures++
        if (failures < FAILURES_MAX) return
        nextProbe = performance.now() + PROBE_AFTER_MS
        if (!open) watch("opened", dependency, error)
        open = true
      },
    }
  }

  async function run<T>(call: () => Promise<T>, isFailure: (error: unknown) => boolean): Promise<T> {
    check()
    const { succeeded, failed } = begin()
    try {
      const answer = await call()
      succeeded()
      return answer
    } catch (error) {
      if (isFailure(error)) failed(error)
      else succeeded()
      throw error
    }
  }

  return { check, begin, isOpen: () => open, run }
}
