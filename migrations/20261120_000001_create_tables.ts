import { type Kysely, sql } from "kysely"

const OPTIONS = sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin row_format = dynamic`
const TOKEN = sql`varchar(32) character set ascii collate ascii_bin`
const NUMBER = sql`int unsigned`
const REVISION = sql`bigint unsigned`
const TIME = sql`datetime(3)`
/** Persist transactions lock the stripe of each application; with more stripes, fewer applications share one. */
const STRIPES = 64

export async function up(db: Kysely<any>): Promise<void> {
  // Clients ask for an application by its token, and list them by creation.
  await db.schema
    .createTable("applications")
    .addColumn("token", TOKEN, (c) => c.notNull().primaryKey())
    .addColumn("name", sql`varchar(255)`, (c) => c.notNull())
    .addColumn("chats_count", NUMBER, (c) => c.notNull().defaultTo(0))
    .addColumn("revision", REVISION, (c) => c.notNull())
    .addColumn("created_at", TIME, (c) => c.notNull())
    .addColumn("updated_at", TIME, (c) => c.notNull())
    .modifyEnd(OPTIONS)
    .execute()
  await db.schema.createIndex("applications_by_creation").on("applications").columns(["created_at", "token"]).execute()

  // There are no foreign keys, since events wait for no others: a message may arrive before its chat.
  await db.schema
    .createTable("chats")
    .addColumn("application", TOKEN, (c) => c.notNull())
    .addColumn("number", NUMBER, (c) => c.notNull())
    .addColumn("name", sql`varchar(255)`)
    .addColumn("messages_count", NUMBER, (c) => c.notNull().defaultTo(0))
    .addColumn("revision", REVISION, (c) => c.notNull())
    .addColumn("created_at", TIME, (c) => c.notNull())
    .addColumn("updated_at", TIME, (c) => c.notNull())
    .addPrimaryKeyConstraint("chats_pk", ["application", "number"])
    .modifyEnd(OPTIONS)
    .execute()
  await db.schema
    .createTable("messages")
    .addColumn("application", TOKEN, (c) => c.notNull())
    .addColumn("chat", NUMBER, (c) => c.notNull())
    .addColumn("number", NUMBER, (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("revision", REVISION, (c) => c.notNull())
    .addColumn("created_at", TIME, (c) => c.notNull())
    .addColumn("updated_at", TIME, (c) => c.notNull())
    .addPrimaryKeyConstraint("messages_pk", ["application", "chat", "number"])
    .modifyEnd(OPTIONS)
    .execute()

  // Separate from the living rows, so that a list never walks over deleted ones.
  await db.schema
    .createTable("tombstones")
    .addColumn("application", TOKEN, (c) => c.notNull())
    .addColumn("chat", NUMBER, (c) => c.notNull())
    .addColumn("message", NUMBER, (c) => c.notNull())
    .addColumn("revision", REVISION, (c) => c.notNull())
    .addColumn("deleted_at", TIME, (c) => c.notNull())
    .addColumn("expires_at", TIME)
    .addColumn("purge_at", TIME)
    .addPrimaryKeyConstraint("tombstones_pk", ["application", "chat", "message"])
    .modifyEnd(OPTIONS)
    .execute()
  await db.schema.createIndex("tombstones_by_expiry").on("tombstones").columns(["expires_at"]).execute()
  await db.schema.createIndex("tombstones_by_purge").on("tombstones").columns(["purge_at"]).execute()

  await db.schema
    .createTable("counters")
    .addColumn("application", TOKEN, (c) => c.notNull())
    .addColumn("chat", NUMBER, (c) => c.notNull())
    .addColumn("highest", NUMBER, (c) => c.notNull().defaultTo(0))
    .addColumn("live", sql`int`, (c) => c.notNull().defaultTo(0))
    .addColumn("revision", REVISION, (c) => c.notNull().defaultTo(0))
    .addColumn("fenced", REVISION, (c) => c.notNull().defaultTo(0))
    .addColumn("dirty", sql`tinyint unsigned`, (c) => c.notNull().defaultTo(0))
    .addPrimaryKeyConstraint("counters_pk", ["application", "chat"])
    .modifyEnd(OPTIONS)
    .execute()
  await db.schema.createIndex("counters_by_dirty").on("counters").columns(["dirty"]).execute()

  await db.schema
    .createTable("pending_index")
    .addColumn("application", TOKEN, (c) => c.notNull())
    .addColumn("chat", NUMBER, (c) => c.notNull())
    .addColumn("message", NUMBER, (c) => c.notNull())
    .addColumn("revision", REVISION, (c) => c.notNull())
    .addColumn("attempts", NUMBER, (c) => c.notNull().defaultTo(0))
    .addColumn("due_at", TIME)
    .addPrimaryKeyConstraint("pending_index_pk", ["application", "chat", "message"])
    .modifyEnd(OPTIONS)
    .execute()
  await db.schema.createIndex("pending_index_by_due").on("pending_index").columns(["due_at"]).execute()

  await db.schema
    .createTable("persist_locks")
    .addColumn("stripe", sql`tinyint unsigned`, (c) => c.notNull().primaryKey())
    .modifyEnd(OPTIONS)
    .execute()
  await db
    .insertInto("persist_locks")
    .values(Array.from({ length: STRIPES }, (_, stripe) => ({ stripe })))
    .execute()
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const table of [
    "persist_locks",
    "pending_index",
    "counters",
    "tombstones",
    "messages",
    "chats",
    "applications",
  ]) {
    await db.schema.dropTable(table).execute()
  }
}
