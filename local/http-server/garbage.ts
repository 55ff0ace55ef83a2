import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Then all that is loaded at the start has been, and nobody waits for the first answer any more. */
const AFTER_START_MS = 10_000

type Collect = (options: { type: "major"; flavor: "last-resort" }) => void

/**
 * Collects garbage once, soon: making the bundles leaves 150 MB of it, which V8 would keep until it needs the room. This
 * pauses the process for some 160 ms.
 */
export function collectGarbageSoon(): void {
  setTimeout(() => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as Collect
    collect({ type: "major", flavor: "last-resort" })
  }, AFTER_START_MS).unref()
}
