/** Shifts the clock of the API's processes, which load clock.mjs, by the offset in a file. */
import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { ROOT } from "../../local/services/settings.ts"

const CLOCK_PRELOAD = join(ROOT, "campaign", "targets", "clock.mjs")
/** Twice the interval at which clock.mjs reads the file. */
const NOTICED_WITHIN_MS = 200

/** Returns the environment that makes a Node.js program load clock.mjs and follow a file. */
export const clockEnvironment = (file: string): Record<string, string> => ({
  CHAT_CLOCK_FILE: file,
  NODE_OPTIONS: [process.env.NODE_OPTIONS, `--import=${pathToFileURL(CLOCK_PRELOAD).href}`].filter(Boolean).join(" "),
})

/** Writes the offset of the clocks that follow a file; resolves once running processes have read it. */
export const writeClock = async (file: string, offsetMs: number): Promise<void> => {
  // Written under another name first: a partly written number would be another offset.
  await writeFile(`${file}.new`, `${offsetMs}`)
  await rename(`${file}.new`, file)
  await sleep(NOTICED_WITHIN_MS)
}
