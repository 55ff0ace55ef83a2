// Asks MySQL and Redis through the clients of lib/, and tells what they answer. A test runs it both as it is and bundled.
import { sql } from "kysely"
import { connectMysql, reachMysql } from "../../lib/clients/mysql.ts"
import { connectRedis } from "../../lib/clients/redis.ts"

const ANY = "Grüße, 日本語 🙂 \u0000"
/** Statements with all kinds of results and of errors. */
const STATEMENTS = [
  sql`select ${ANY} as text, ${Buffer.from([0, 0xff, 0x80])} as bytes, 9007199254740993 as big, 1.5 as decimals, null as nothing`,
  sql`select cast('Größe' as char character set utf8mb3) as narrow, convert('дом' using cp1251) as other, convert('é' using latin1) as latin`,
  sql`select json_object('ключ', '🙂') as document, timestamp('2026-11-28 10:00:00.123') as time`,
  sql`select table_name as name from information_schema.tables where table_name = 'größe'`,
  sql`select * from größe`,
  sql`select 'größe' from`,
  sql`insert into applications (token, name, revision, created_at, updated_at) values ('t', repeat('ö', 300), 1, now(), now())`,
  sql`insert into counters (application, chat, highest, live, revision, fenced, dirty) values ('a', 0, 0, 0, 0, 0, 0), ('a', 0, 0, 0, 0, 0, 0)`,
]

/** Returns what tells an error from others, with its causes. */
function described(error: unknown): unknown {
  const { name, message, code, errno, sqlState, cause } = error as Record<string, unknown>
  return { name, message, code, errno, sqlState, ...(cause !== undefined && { cause: described(cause) }) }
}

const outcome = (work: Promise<unknown>) => work.catch((error: unknown) => ({ error: described(error) }))

export async function askStores(mysqlUrl: string, redisUrl: string): Promise<unknown> {
  const mysql = connectMysql(mysqlUrl)
  const profiled = connectMysql(`${mysqlUrl}?ssl=Amazon%20RDS`)
  const redis = connectRedis(redisUrl, () => undefined)
  const script = (lua: string) => {
    const whole = { lua, keysOf: () => [], argsOf: () => [ANY], decode: (reply: unknown) => reply }
    return outcome(redis.run(whole, {}, {}))
  }
  const answers: unknown[] = []
  try {
    for (const statement of STATEMENTS)
      answers.push(await outcome(reachMysql(() => statement.execute(mysql.db)).then(({ rows }) => rows)))
    answers.push(await script("return {ARGV[1], 7}"), await script("return redis.call('lpush', KEYS[1])"))
    const [server] = await redis.describe(["maxmemory"])
    answers.push([...(server?.settings.keys() ?? [])])
    const refused = await outcome(reachMysql(() => sql`select 1`.execute(profiled.db)))
    return { answers, refused }
  } finally {
    await Promise.allSettled([mysql.close(), profiled.close(), redis.close()])
  }
}
