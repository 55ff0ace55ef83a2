// Sends two PATCHes of one resource at once, each of another member, which must both hold. Often one of them depends on
// the ETag of a read just before: it is refused if the other came first, and then changes nothing.
import { type Load, perform } from "./exchange.ts"
import type { Resource, Write } from "./ledger.ts"
import { below, pick } from "./random.ts"
import { ofState, readOne } from "./reads.ts"

/** Share of the pairs in which one depends on a read. */
const DEPENDENT = 0.5

/** Returns what is wrong with the answers to two updates at once; undefined if nothing is. */
function wrongRivals(rivals: readonly [Write, Write], isOldEtag: boolean): string | undefined {
  const isDone = ({ outcome }: Write) => outcome === "acknowledged"
  if (rivals.every((write) => isDone(write) && !write.sawRival)) return "neither answer shows what the other gave"
  // What was sent again may have been refused for its own first attempt, and was then sent without its condition.
  const dependent = rivals.find(({ ifMatch, attempts }) => ifMatch !== undefined && attempts.length === 1)
  if (!dependent || !isDone(dependent)) return undefined
  if (isOldEtag) return "was changed on condition of an ETag that was no longer right"
  return dependent.sawRival ? "was changed on condition of its ETag, though the other came between" : undefined
}

/** Changes text and metadata of a resource at once, unless an earlier update of it is still in doubt. */
export async function changeAtOnce(load: Load, resource: Resource): Promise<void> {
  const { ledger, random } = load
  if (!resource.settled) return
  const known = resource.etag
  const etag = random() < DEPENDENT ? await readOne(load, resource) : undefined
  const rivals = ledger.beginRivals(resource)
  const dependent = pick(random, rivals)
  if (dependent && etag !== undefined) dependent.ifMatch = etag
  const first = below(random, 2)
  await Promise.all([perform(load, rivals[first] as Write), perform(load, rivals[1 - first] as Write)])
  const isOld = etag !== undefined && known !== undefined && ofState(etag) !== ofState(known)
  const what = wrongRivals(rivals, isOld)
  if (what === undefined) return
  const [{ id, attempts }] = rivals
  const where = `${resource.kind} ${resource.id}, given text and metadata at once, ${what}`
  ledger.wrongAnswers.push({ at: attempts[0]?.sentAt ?? 0, what: where, requestId: `${id}.0` })
}
