// Counts what the benchmarks have stored.
import type { DirectStores } from "../../campaign/verdict/stores.ts"
import { chatOf } from "./load.ts"

/** Returns how many numbers up to a chat's highest have no row. */
export async function missingNumbers({ stores }: DirectStores, path: string): Promise<number> {
  const { application, chat } = chatOf(path)
  const { rows, last } = await stores.mysql
    .selectFrom("messages")
    .select(({ fn }) => [fn.countAll<number>().as("rows"), fn.max("number").as("last")])
    .where("application", "=", application)
    .where("chat", "=", chat)
    .executeTakeFirstOrThrow()
  return Number(last) - Number(rows)
}

/** Returns the numbers of rows and documents in the chats' applications. */
export async function kept({ stores }: DirectStores, chats: string[]): Promise<{ rows: number; documents: number }> {
  const { mysql, elasticsearch, config } = stores
  const tokens = chats.map((path) => chatOf(path).application)
  const { rows } = await mysql
    .selectFrom("messages")
    .select(({ fn }) => fn.countAll<number>().as("rows"))
    .where("application", "in", tokens)
    .executeTakeFirstOrThrow()
  const index = config.ELASTICSEARCH_INDEX
  await elasticsearch.indices.refresh({ index })
  const { count } = await elasticsearch.count({ index, query: { terms: { application: tokens } } })
  return { rows: Number(rows), documents: count }
}
