// Checks batches that were never answered: all of their messages are stored, or none. Those that were answered are
// checked message by message, and their numbers as they are answered.
import { describeWrite, type Resource } from "../load/ledger.ts"
import { writeIdOf } from "../load/texts.ts"
import type { Verdict } from "./checks.ts"

type Row = { id: number | string; text: string | null }

/** Reports batches below one chat that are stored in part, or not in one run of numbers in the order given. */
export function checkBatches(resources: Resource[], rows: Row[], where: string, verdict: Verdict): void {
  const numbers = Map.groupBy(rows, ({ text }) => writeIdOf(text))
  for (const { creation } of resources) {
    const { batch = [], outcome } = creation
    if (batch[0] !== creation || outcome !== "unknown") continue
    // After Redis lost its keys, a batch may be stored more than once.
    const copies = batch.map(({ id }) => (numbers.get(id) ?? []).map((row) => Number(row.id)).sort((a, b) => a - b))
    const first = copies[0] ?? []
    const isWhole = copies.every(
      (own, index) => own.length === first.length && own.every((number, copy) => number === (first[copy] ?? 0) + index),
    )
    if (isWhole) continue
    const shown = copies.map((own) => own.join("+") || "none").join(", ")
    verdict.fail("batch not whole", `${where}: ${shown}: ${describeWrite(creation)}`)
  }
}
