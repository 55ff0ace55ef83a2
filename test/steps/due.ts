// The relay's clock in tests: what it would send in a while is due now.
import { SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"

const ALL_DUE = {
  name: "make-due",
  lua: `local t = redis.call('TIME')
local due = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1]))
for _, f in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], due, f) end return {}`,
}

/** Makes all that waits in the outbox of the application's shard due, now or in a while. */
export async function makeOutboxDue({ redis }: SearchStores, token: string, inMs = 0): Promise<void> {
  await redis.run(ALL_DUE, [`{${shardOf(token)}}:due`], [inMs])
}

/** Makes all of the application's entries of pending_index due, the dead ones aside. */
export async function makeIndexDue({ mysql }: SearchStores, token: string): Promise<void> {
  await mysql
    .updateTable("pending_index")
    .set({ due_at: new Date(Date.now() - 1_000) })
    .where("application", "=", token)
    .where("due_at", "is not", null)
    .execute()
}

const FORGET = { name: "forget-due", lua: "redis.call('DEL', KEYS[1]) return {}" }

/** Lets the relay find nothing of what earlier tests have left behind. */
export async function forgetDue({ redis, mysql }: SearchStores): Promise<void> {
  await Promise.all(SHARDS.map((shard) => redis.run(FORGET, [`{${shard}}:due`], [])))
  await mysql.deleteFrom("pending_index").execute()
}
