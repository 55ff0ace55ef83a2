/**
 * Redis appends its commands to the last `*.incr.aof` in its folder, whose size is recorded five times a second. Cut
 * back to its size of a second ago while Redis is down, the file is what a disk that lost its last second would have
 * left, even with a partial command at the end. A rewrite begins a new file, which must first be a second old.
 */
import { readdirSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

const SAMPLE_MS = 200
/** How far the file is cut back. */
export const ROLL_BACK_MS = 1_000
/** Older sizes are forgotten. */
const KEPT_MS = 5_000

type Sample = { at: number; file: string; bytes: number }

export type WatchedAof = {
  /** Resolves once the size of the current file a second ago is known. */
  untilKnown(signal?: AbortSignal): Promise<void>
  /**
   * Cuts the file back to its size a second before `at` (by performance.now); only while Redis is down. Returns the
   * bytes removed, or undefined if nothing was cut because another file was current then.
   */
  cutBack(at: number): number | undefined
  stop(): void
}

/** Returns the file that Redis appends to, and its size. */
const currentFile = (folder: string): Omit<Sample, "at"> | undefined => {
  try {
    const names = readdirSync(folder).filter((name) => /\.\d+\.incr\.aof$/.test(name))
    const generation = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1])
    const file = names.sort((a, b) => generation(b) - generation(a))[0]
    return file === undefined ? undefined : { file, bytes: statSync(join(folder, file)).size }
  } catch {
    // The folder does not exist yet, or the file has just been removed.
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
