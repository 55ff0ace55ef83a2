import { type Kysely, sql } from "kysely"

// MySQL 8.4 and MariaDB 10.11 add and drop these columns without touching a row, and refuse the statement if they could
// not. Null is what rows had before: no sender, no metadata, no time.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table chats add column metadata text, algorithm = instant`.execute(db)
  // As varbinary the sender compares exactly: as utf8mb4_bin 'a' equals 'a ' on both servers. 255 characters have 1,020
  // bytes at most. MySQL's JSON type would sort the names of metadata. datetime(3) gets whole milliseconds, since MySQL
  // rounds what is finer and MariaDB cuts it.
  await sql`
    alter table messages
      add column sender varbinary(1020), add column metadata text, add column sent_at datetime(3), algorithm = instant
  `.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`
    alter table messages drop column sent_at, drop column metadata, drop column sender, algorithm = instant
  `.execute(db)
  await sql`alter table chats drop column metadata, algorithm = instant`.execute(db)
}
