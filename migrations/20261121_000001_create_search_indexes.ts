import { type Kysely, sql } from "kysely"

const NAME = sql`varchar(255) character set ascii collate ascii_bin`

export async function up(db: Kysely<any>): Promise<void> {
  // In MySQL like pending_index, so that one statement can remove an entry of that only while the written indexes are
  // unchanged.
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
