import { setTimeout as sleep } from "node:timers/promises"

/** Calls `start`, waits for `ms`, and calls `undo` even if something failed. */
export const keepUp = async (ms: number, start: () => unknown, undo: () => unknown): Promise<void> => {
  try {
    await start()
    await sleep(ms)
  } finally {
    await undo()
  }
}
