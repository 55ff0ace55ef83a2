import { COUNTED_MAX, readStatus, type Status } from "../../lib/operate/status.ts"
import { type Command, type Context, EXIT, UsageError } from "./command.ts"

const USAGE = `status

  queues, outbox, index, counts and Redis as they are now; ends with 1 when something needs to be looked at`

const MEBIBYTE = 1024 ** 2

const mebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(1)} MiB`
const counted = (count: number): string => (count >= COUNTED_MAX ? `${COUNTED_MAX} or more` : String(count))
const seconds = (since: Date | undefined, at: Date): number | null =>
  since === undefined ? null : Math.max(0, Math.round((at.getTime() - since.getTime()) / 1000))
const ageOf = (since: Date | undefined, at: Date): string =>
  since === undefined ? "none waits" : `${seconds(since, at)} s (since ${since.toISOString()})`

/** Returns the status with names like those of the API; null for what could not be read. */
function documentOf({ at, dependencies, queues, outbox, index, counts, redis, problems }: Status) {
  const oldest = (since: Date | undefined) => ({
    oldest_at: since?.toISOString() ?? null,
    oldest_seconds: seconds(since, at),
  })
  return {
    at: at.toISOString(),
    dependencies,
    queues: queues?.map(({ inFlight, ...queue }) => ({ ...queue, in_flight: inFlight })) ?? null,
    outbox: outbox && {
      events: outbox.events,
      bytes: outbox.bytes,
      dead: outbox.dead,
      stored: outbox.stored,
      ...oldest(outbox.oldestAt),
      oldest_is_exact: outbox.complete,
      unsettled_shards: outbox.unsettled,
      fullest_shards: outbox.fullest,
    },
    index: index && { due: index.due, waiting: index.waiting, dead: index.dead, ...oldest(index.oldestAt) },
    counts,
    counted_max: COUNTED_MAX,
    redis: redis && {
      servers: redis.servers,
      used_bytes: redis.usedBytes,
      max_bytes: redis.maxBytes,
      settings: redis.settings,
    },
    problems,
  }
}

function print({ output }: Context, { at, dependencies, queues, outbox, index, counts, redis, problems }: Status) {
  output.table(Object.entries(dependencies).map(([dependency, state]) => ({ dependency, ...state })))
  if (queues) {
    output.line()
    output.table(
      queues.map(({ queue, visible, inFlight, delayed }) => ({ queue, visible, "in flight": inFlight, delayed })),
    )
  }
  const rows: { what: string; is: string }[] = []
  const add = (what: string, is: string) => void rows.push({ what, is })
  if (outbox) {
    const stored = outbox.stored > 0 ? `, ${outbox.stored} stored and retained` : ""
    add("outbox", `${outbox.events} events, ${mebibytes(outbox.bytes)}, ${outbox.dead} dead${stored}`)
    add("oldest event", `${ageOf(outbox.oldestAt, at)}${outbox.complete ? "" : ", or older"}`)
    for (const { shard, events, bytes, share } of outbox.fullest) {
      add(`shard ${shard}`, `${events} events, ${mebibytes(bytes)}: ${(share * 100).toFixed(2)} % of its bound`)
    }
    add("shards not settled", outbox.unsettled.length === 0 ? "none" : outbox.unsettled.join(" "))
  }
  if (index) {
    add("to be indexed", `${counted(index.due)} due, ${counted(index.waiting)} waiting, ${counted(index.dead)} dead`)
    add("oldest to be indexed", ageOf(index.oldestAt, at))
  }
  if (counts) {
    add("counts to be synced", counted(counts.dirty))
    add("counts that differ", `${counts.differing} of ${counts.sampled} sampled`)
  }
  if (redis) {
    if (redis.servers > 1) add("redis servers", String(redis.servers))
    add("redis memory", `${mebibytes(redis.usedBytes)} of ${mebibytes(redis.maxBytes)}`)
    for (const [name, value] of Object.entries(redis.settings)) add(`redis ${name}`, value)
  }
  if (rows.length > 0) {
    output.line()
    output.table(rows)
  }
  output.line()
  for (const problem of problems) output.line(`! ${problem}`)
  if (problems.length === 0) output.line("All is well.")
}

export const command: Command = {
  name: "status",
  summary: "Shows how queues, outbox, index, counts and Redis are doing, and what needs to be looked at.",
  usage: USAGE,
  async run({ words: [word] }, context) {
    if (word !== undefined) throw new UsageError(`status takes no "${word}".`)
    const status = await readStatus(context.stores)
    print(context, status)
    context.output.document(documentOf(status))
    return status.problems.length === 0 ? EXIT.ok : EXIT.wrong
  },
}
