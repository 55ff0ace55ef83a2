// Runs consumers in the background, like the event source, for tests under load.
import { setTimeout as sleep } from "node:timers/promises"
import type { SearchStores } from "../../lib/stores.ts"
import { deliverOnce, drainQueues } from "./drain.ts"

const IDLE_MS = 20

/** Delivers both queues while `action` runs, then until they are empty. Throws what either throws. */
export async function whileConsuming<T>(stores: SearchStores, action: () => Promise<T>): Promise<T> {
  let isOver = false
  const consume = async (queue: "persist" | "index") => {
    while (!isOver) if ((await deliverOnce(stores, queue)) === 0) await sleep(IDLE_MS)
  }
  const consumers = [consume("persist"), consume("index")]
  try {
    return await action()
  } finally {
    isOver = true
    await Promise.all(consumers)
    await drainQueues(stores)
  }
}
