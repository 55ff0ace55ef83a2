import type { Window } from "../merged-page.ts"
import type { PendingRange } from "./outbox.ts"

/** The range of scores beyond a keyset position; numbers are unique, so it excludes the position itself. */
export function pendingRange({ after, order, count }: Window): PendingRange {
  const bound = after === undefined ? undefined : `(${after.key}`
  return {
    min: order === "asc" && bound !== undefined ? bound : "-inf",
    max: order === "desc" && bound !== undefined ? bound : "+inf",
    order,
    count,
  }
}
