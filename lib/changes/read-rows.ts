/**
 * DESIGN. The second half of a page of changes: what MySQL has. A reader of MySQL that lags by more than it may lacks
 * writes that have left the outbox. Any other read of it is right again a moment later, but who follows changes would pass
 * those writes for ever. So beside the reader the writer is asked for the revisions of the page's ranges, from its indexes
 * alone; if one of them is neither at the reader nor in the outbox, the page is read at the writer.
 */
import type { WriteEvent } from "../events.ts"
import { askReader } from "../stored-reads.ts"
import type { Stores } from "../stores.ts"
import { endOf } from "./merge-changes.ts"
import { type ChangeRow, type ChangesAsked, readChangeRows, readRevisions } from "./select-changes.ts"

type Pending = { entries: WriteEvent[]; end: number | undefined }

/** Reads the rows of a page from wherever they are complete. Throws DependencyAway without the writer. */
export async function readRows(
  { mysql, mysqlReader }: Stores,
  asked: ChangesAsked,
  pending: Pending,
): Promise<ChangeRow[]> {
  if (mysqlReader === undefined) return readChangeRows(mysql, asked)
  // The outbox was read before both, so their order does not matter.
  const [read, revisions] = await Promise.all([
    askReader(() => readChangeRows(mysqlReader, asked)),
    readRevisions(mysql, asked),
  ])
  return read && isWhole(read.found, revisions, asked, pending) ? read.found : readChangeRows(mysql, asked)
}

function isWhole(rows: ChangeRow[], revisions: number[], { chat, complete, count }: ChangesAsked, pending: Pending) {
  // Without the row of a chat, the reader cannot tell whether it lives.
  if (chat > 0 && !rows.some(({ kind }) => kind === "chat")) return false
  const end = endOf({ rows, eventsEnd: pending.end, count }, complete)
  const known = new Set([...rows, ...pending.entries].map(({ revision }) => Number(revision)))
  return revisions.every((revision) => revision > end || known.has(revision))
}
