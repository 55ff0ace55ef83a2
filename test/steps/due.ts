// Changes due times, so that tests need not wait for the relay.
import { SHARDS, shardKeys, shardOf } from "../../lib/outbox/keys.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import type { SearchStores } from "../../lib/stores.ts"

const ALL_DUE = defineScript("make-due", {
  keys: ["due"],
  args: ["inMs"],
  returns: () => undefined,
  lua: `local t = redis.call('TIME')
local due = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(in_ms))
for _, f in ipairs(redis.call('ZRANGE', due_key, 0, -1)) do redis.call('ZADD', due_key, due, f) end return {}`,
})

/** Makes everything in the outbox of the application's shard due in `inMs`. */
export async function makeOutboxDue({ redis }: SearchStores, token: string, inMs = 0): Promise<void> {
  await redis.run(ALL_DUE, shardKeys(shardOf(token)), { inMs })
}

/** Makes all the application's entries of pending_index due, except dead ones. */
export async function makeIndexDue({ mysql }: SearchStores, token: string): Promise<void> {
  await mysql
    .updateTable("pending_index")
    .set({ due_at: new Date(Date.now() - 1_000) })
    .where("application", "=", token)
    .where("due_at", "is not", null)
    .execute()
}

const FORGET = defineScript("forget-due", {
  keys: ["due"],
  args: [],
  returns: () => undefined,
  lua: "redis.call('DEL', due_key) return {}",
})

/** Makes the relay ignore what earlier tests have left. */
export async function forgetDue({ redis, mysql }: SearchStores): Promise<void> {
  await Promise.all(SHARDS.map((shard) => redis.run(FORGET, shardKeys(shard), {})))
  await mysql.deleteFrom("pending_index").execute()
}
