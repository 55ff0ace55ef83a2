/**
 * DESIGN. Where documents are written: to the index that is searched and, while another is being built, to that one,
 * too. MySQL says which they are (`search_indexes`), since it is there that a change and its entry in `pending_index`
 * come together; the alias only says what is searched.
 *
 * A writer reads the targets, then the rows, writes every target, and removes an entry of `pending_index` only if the
 * generation is still the one that it read. So an entry goes only once every index that was a target at that moment has
 * the change: a build that is registered afterwards reads the row later, and one that was registered before kept the
 * entry. See docs/decisions/0013-reindex.md.
 *
 * An index is written through an alias of its own, by requests that demand one, so that no write makes an index that was
 * removed again, and only by code of its own mapping version, which is part of its name.
 */
import type { Expression, SqlBool } from "kysely"
import { expressionBuilder } from "kysely"
import type { Mysql } from "../../clients/mysql.ts"
import type { Database } from "../../database.ts"
import { MAPPING_VERSION } from "./index-mapping.ts"

export type Targets = {
  generation: number
  /** The index that is searched; null: there is none. */
  live: string | null
  /** The index that is being built; null: none is. */
  building: string | null
}

const NO_TARGETS: Targets = { generation: 0, live: null, building: null }
/** Six digits, so that the names of a version sort by their age. */
const SEQUENCE_DIGITS = 6

/** The name of the `sequence`th index of this code's mapping version. */
export const indexName = (alias: string, sequence: number): string =>
  `${alias}-v${MAPPING_VERSION}-${String(sequence).padStart(SEQUENCE_DIGITS, "0")}`

/** Version and sequence of an index of `alias`; undefined for any other name. */
export function parseIndexName(alias: string, name: string): { version: number; sequence: number } | undefined {
  if (!name.startsWith(`${alias}-v`)) return undefined
  const [, version, sequence] = /^(\d+)-(\d+)$/.exec(name.slice(alias.length + 2)) ?? []
  return version && sequence ? { version: Number(version), sequence: Number(sequence) } : undefined
}

/** The alias through which `index` is written. */
export const writesAlias = (index: string): string => `${index}-writes`

/** Whether this code makes documents as `index` wants them. */
export const isOwnVersion = (alias: string, index: string): boolean =>
  parseIndexName(alias, index)?.version === MAPPING_VERSION

export async function readTargets(mysql: Mysql, alias: string): Promise<Targets> {
  const row = await mysql
    .selectFrom("search_indexes")
    .select(["generation", "live", "building"])
    .where("alias", "=", alias)
    .executeTakeFirst()
  return row ?? NO_TARGETS
}

/** True while the targets of `alias` are those of `generation`. */
export function targetsAre(alias: string, generation: number): Expression<SqlBool> {
  const eb = expressionBuilder<Database, never>()
  return eb.exists(
    eb.selectFrom("search_indexes").select("alias").where("alias", "=", alias).where("generation", "=", generation),
  )
}

/** Replaces the targets, if they are still as `seen`. Answers the new ones; throws if somebody else changed them. */
export async function changeTargets(
  mysql: Mysql,
  alias: string,
  seen: Targets,
  change: Pick<Targets, "live" | "building">,
): Promise<Targets> {
  const generation = seen.generation + 1
  if (seen.generation === 0) {
    await mysql
      .insertInto("search_indexes")
      .values({ alias, generation, ...change })
      .execute()
    return { generation, ...change }
  }
  const { numUpdatedRows } = await mysql
    .updateTable("search_indexes")
    .set({ generation, ...change })
    .where("alias", "=", alias)
    .where("generation", "=", seen.generation)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw new Error(`the indexes of ${alias} were changed by somebody else meanwhile`)
  return { generation, ...change }
}
