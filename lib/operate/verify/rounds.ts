import { setTimeout as sleep } from "node:timers/promises"

/** Pending writes usually arrive within a second or two. */
const ROUND_MS = 1_000
/** The most rounds that even a busy consumer needs. */
const ROUNDS = 5

export type Rounds = {
  /** When the verification began, in ms. */
  startedAt: number
  /** Calls `settled`, a second apart, until it returns true or ROUNDS have passed. Returns whether it did. */
  until(settled: () => Promise<boolean>): Promise<boolean>
}

/** Returns rounds of checks: under load, whatever looks wrong is checked again before it counts. */
export function createRounds(signal: AbortSignal | undefined): Rounds {
  return {
    startedAt: Date.now(),
    async until(settled) {
      for (let round = 1; ; round++) {
        signal?.throwIfAborted()
        if (await settled()) return true
        if (round >= ROUNDS) return false
        await sleep(ROUND_MS, undefined, signal ? { signal } : {})
      }
    },
  }
}
