import { type Mysql, readMysql } from "../clients/mysql.ts"

/**
 * Returns the greatest revision that MySQL has of an application and everything below it, deletes included, and that of
 * the application itself, 0 without a row. Each is the end of an index.
 */
export async function readStoredRevision(
  mysql: Mysql,
  application: string,
): Promise<{ greatest: number; own: number }> {
  const greatestOf = (table: "chats" | "messages" | "tombstones") =>
    mysql
      .selectFrom(table)
      .select((eb) => eb.fn.max("revision").as("revision"))
      .where("application", "=", application)
  const row = await readMysql(() =>
    mysql
      .selectNoFrom((eb) => [
        eb.selectFrom("applications").select("revision").where("token", "=", application).as("application"),
        greatestOf("chats").as("chats"),
        greatestOf("messages").as("messages"),
        greatestOf("tombstones").as("tombstones"),
      ])
      .executeTakeFirstOrThrow(),
  )
  const [own = 0, ...below] = [row.application, row.chats, row.messages, row.tombstones].map((one) => Number(one ?? 0))
  return { greatest: Math.max(own, ...below), own }
}
