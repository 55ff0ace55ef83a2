/**
 * DESIGN. Documents are written to the searched index and, during a build, to the new one too. MySQL names these
 * targets (`search_indexes`), since a change and its entry in `pending_index` are made there together; the alias only
 * says what is searched.
 *
 * A writer reads the targets, then the rows, writes every target, and removes an entry of `pending_index` only if the
 * targets' `generation` is unchanged. So an entry goes only once every target of that moment has the change: a build
 * registered later reads the row later, and one registered before kept the entry. See docs/decisions/0013-reindex.md.
 *
 * An index is written through an alias of its own, which requests demand, so that no write recreates a removed index,
 * and only by code of the mapping version in its name.
 */
import type { Expression, SqlBool } from "kysely"
import { expressionBuilder } from "kysely"
import type { Mysql } from "../../clients/mysql.ts"
import type { Database } from "../../database.ts"
import { MAPPING_VERSION } from "./index-mapping.ts"

export type Targets = {
  generation: number
  /** The searched index; null without one. */
  live: string | null
  /** The index being built; null without one. */
  building: string | null
}

const NO_TARGETS: Targets = { generation: 0, live: null, building: null }
/** Six digits, so that a version's names sort by age. */
const SEQUENCE_DIGITS = 6

/** Returns the name of the `sequence`th index of this code's mapping version. */
export const indexName = (alias: string, sequence: number): string =>
  `${alias}-v${MAPPING_VERSION}-${String(sequence).padStart(SEQUENCE_DIGITS, "0")}`

/** Returns version and sequence of an index of `alias`; undefined for any other name. */
export function parseIndexName(alias: string, name: string): { version: number; sequence: number } | undefined {
  if (!name.startsWith(`${alias}-v`)) return undefined
  const [, version, sequence] = /^(\d+)-(\d+)$/.exec(name.slice(alias.length + 2)) ?? []
  return version && sequence ? { version: Number(version), sequence: Number(sequence) } : undefined
}

export const writesAlias = (index: string): string => `${index}-writes`

/** Returns whether this code's documents fit `index`. */
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

/** Matches while the targets of `alias` are those of `generation`. */
export function targetsAre(alias: string, generation: number): Expression<SqlBool> {
  const eb = expressionBuilder<Database, never>()
  return eb.exists(
    eb.selectFrom("search_indexes").select("alias").where("alias", "=", alias).where("generation", "=", generation),
  )
}

/** Replaces the targets and returns the new ones, or throws if they changed since `seen`. */
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
