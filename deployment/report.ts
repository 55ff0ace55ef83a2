import type { Progress } from "../local/progress.ts"
import { aborted } from "../local/signals.ts"
import type { Check, Site } from "./site.ts"

/** Longer texts, such as an answer with a page of resources, would hide the next line. */
const MESSAGE_CHARACTERS_MAX = 800

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const details = "details" in error && Array.isArray(error.details) ? error.details : []
  return [error.message, ...details].join("\n    ").slice(0, MESSAGE_CHARACTERS_MAX)
}

/** Runs the checks in their order, each even if one before has failed, and prints a line for each. Returns the failed. */
export async function runChecks(checks: readonly Check[], site: Site, progress: Progress): Promise<string[]> {
  const failed: string[] = []
  const stopped = aborted(site.signal).then(() => site.signal.throwIfAborted())
  for (const { name, run } of checks) {
    site.signal.throwIfAborted()
    try {
      await progress.step(
        name,
        () => Promise.race([run(site), stopped]),
        (seen) => seen ?? "",
      )
    } catch (error) {
      site.signal.throwIfAborted()
      failed.push(name)
      progress.line(`✗ ${name}: ${describe(error)}`)
    }
  }
  return failed
}
