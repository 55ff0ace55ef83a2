import { setTimeout as sleep } from "node:timers/promises"

/** What is on its way arrives within a second or two … */
const ROUND_MS = 1_000
/** … or within the time that a busy consumer needs. */
const ROUNDS = 5

export type Rounds = {
  /** ms, when the verification began. */
  startedAt: number
  /** Looks again, a second apart, until `settled` answers true. Answers whether it did. */
  until(settled: () => Promise<boolean>): Promise<boolean>
}

/** Under load much is on its way: whatever looks wrong is looked at again before it counts. */
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
