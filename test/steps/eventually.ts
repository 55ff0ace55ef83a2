import { setTimeout as sleep } from "node:timers/promises"

const PAUSE_MS = 50

/** Repeats `assertion` until it no longer throws, and returns its result. After `limitMs` throws its last error. */
export async function eventually<T>(assertion: () => Promise<T> | T, limitMs: number): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (Date.now() >= deadline) throw error
      await sleep(PAUSE_MS)
    }
  }
}
