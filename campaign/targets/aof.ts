/**
 * DESIGN: Redis writes its commands to the last `*.incr.aof` in its folder. The file's size is noted five times a
 * second; cut back to an earlier size while Redis is down, it is what a disk that lost its last second would have left,
 * a half command at the end included. Redis begins a new file when it rewrites the old ones: the sizes noted for those
 * are worth nothing then, and one has to wait until the new one is old enough.
 */
import { readdirSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

const SAMPLE_MS = 200
/** How much is taken back. */
export const ROLL_BACK_MS = 1_000
/** Sizes older than that are forgotten. */
const KEPT_MS = 5_000

type Sample = { at: number; file: string; bytes: number }

export type WatchedAof = {
  /** Resolves once it is known how large the present file was a second ago. */
  untilKnown(signal?: AbortSignal): Promise<void>
  /**
   * Cuts the file back to its size a second before `at` (of performance.now). To be called while Redis is down. Returns
   * how many bytes went; undefined, and nothing is cut, where the file was another one then.
   */
  cutBack(at: number): number | undefined
  stop(): void
}

/** The file that Redis appends to, and its size. */
const currentFile = (folder: string): Omit<Sample, "at"> | undefined => {
  try {
    const names = readdirSync(folder).filter((name) => /\.\d+\.incr\.aof$/.test(name))
    const generation = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1])
    const file = names.sort((a, b) => generation(b) - generation(a))[0]
    return file === undefined ? undefined : { file, bytes: statSync(join(folder, file)).size }
  } catch {
    // The folder is not there yet, or the file has just gone.
    return undefined
  }
}

/** Watches the append-only files in a folder (Redis's `appendonlydir`). */
export const watchAof = (folder: string): WatchedAof => {
  let samples: Sample[] = []
  const sample = () => {
    const at = performance.now()
    const current = currentFile(folder)
    samples = samples.filter((one) => one.at > at - KEPT_MS)
    if (current) samples.push({ at, ...current })
  }
  const before = (at: number) => {
    const file = currentFile(folder)?.file
    return samples.findLast((one) => one.at <= at - ROLL_BACK_MS && one.file === file)
  }
  sample()
  const timer = setInterval(sample, SAMPLE_MS)
  timer.unref()
  return {
    async untilKnown(signal) {
      while (!before(performance.now())) await sleep(SAMPLE_MS, undefined, signal && { signal })
    },
    cutBack(at) {
      const earlier = before(at)
      const current = currentFile(folder)
      if (!earlier || !current) return undefined
      truncateSync(join(folder, current.file), Math.min(earlier.bytes, current.bytes))
      samples = []
      return Math.max(0, current.bytes - earlier.bytes)
    },
    stop: () => clearInterval(timer),
  }
}
