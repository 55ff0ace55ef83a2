import { type Kysely, sql } from "kysely"

const NAME = sql`varchar(255) character set ascii collate ascii_bin`

export async function up(db: Kysely<any>): Promise<void> {
  // Beside pending_index, so that "which indexes must have it" and "what is still to be indexed" are read and changed
  // under one clock.
  await db.schema
    .createTable("search_indexes")
    .addColumn("alias", NAME, (c) => c.notNull().primaryKey())
    .addColumn("generation", sql`bigint unsigned`, (c) => c.notNull())
    .addColumn("live", NAME)
    .addColumn("building", NAME)
    .modifyEnd(sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin row_format = dynamic`)
    .execute()
}

export async function down(db: Kysely<any>): Promise<void> {
  await db.schema.dropTable("search_indexes").execute()
}
