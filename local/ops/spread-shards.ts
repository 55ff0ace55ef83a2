import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { SHARDS } from "../../lib/outbox/keys.ts"
import { type Command, EXIT, UsageError } from "./command.ts"

export const command: Command = {
  name: "spread-shards",
  summary: "Renames the Redis keys of an earlier release, whose shards spread unevenly over a cluster.",
  usage: `spread-shards

  Once all functions are of this release. Carries shard after shard, each of which refuses writes for as long as
  that takes. Shards that are done are passed over: it can be stopped and run again.`,
  async run({ words: [word] }, { stores, output, signal }) {
    if (word !== undefined) throw new UsageError(`spread-shards takes no "${word}".`)
    const progress = output.progress("shards")
    let last = ""
    const { carried, swept } = await spreadShards(stores, {
      signal,
      onShard(done, one) {
        if (one) last = `, ${one.shard}: ${one.keys} keys in ${one.frozenMs} ms`
        progress.set(done, SHARDS.length, `${done} of ${SHARDS.length}${last}`)
      },
    }).finally(() => progress.end())
    output.table(carried.map(({ shard, keys, frozenMs }) => ({ shard, keys, frozen_ms: frozenMs })))
    output.line(`shards carried: ${carried.length}, at their tags before: ${SHARDS.length - carried.length}`)
    output.document({
      carried: carried.map(({ shard, keys, frozenMs }) => ({ shard, keys, frozen_ms: frozenMs })),
      keys_removed: swept,
    })
    return EXIT.ok
  },
}
