/** The first half of a page of changes: what the outbox has, once it can be relied on. */
import { notFound, recovering } from "../errors.ts"
import type { ChangesRange } from "../outbox/changes.ts"
import type { PendingChanges } from "../outbox/scripts/changes.ts"
import type { Stores } from "../stores.ts"
import { readStoredRevision } from "../write/stored-revision.ts"

/** A shard may be uncovered and have unplaced events, and a new generation may begin in between. */
const ATTEMPTS_MAX = 5

/** Reads the pending changes in a range. Throws not_found without the application, and unavailable during recovery. */
export async function readPendingChanges(stores: Stores, range: ChangesRange): Promise<PendingChanges> {
  let placed = 0
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const reply = await stores.outbox.readChanges(range, placed)
    switch (reply.status) {
      case "read":
        return reply
      case "gone":
        throw notFound("application")
      case "unsettled":
        throw recovering()
      case "uncovered":
        await cover(stores, range.application, reply)
        break
      case "unplaced":
        await stores.outbox.placeChanges(range.application)
        placed = reply.revision
        break
    }
  }
  throw recovering()
}

/** Raises the shard's revision to the greatest that MySQL has of the application. Throws not_found without it. */
async function cover(
  { outbox, mysql }: Stores,
  application: string,
  { generation, pending }: { generation: string; pending: boolean },
): Promise<void> {
  const { own, greatest } = await readStoredRevision(mysql, application)
  if (own === 0 && !pending) throw notFound("application")
  const status = await outbox.coverChanges(generation, application, greatest)
  if (status === "gone") throw notFound("application")
}
