/**
 * DESIGN. Rebuilds the index from MySQL beside the one that is searched, then moves the alias.
 *
 * 1. The new index becomes a second target (targets.ts): entries now leave `pending_index` only once both have them.
 * 2. All rows are copied in key order. A row that changes before its page is read is read as changed; one that changes
 *    later has an entry. Revisions are external versions, so a late page does no harm.
 * 3. Entries of `pending_index` are indexed into it until few are left, so that search hardly lags after the move.
 * 4. The alias moves in one step, then the targets follow. The remaining entries are indexed as usual.
 *
 * Promised: when the alias moves, each change is in the new index or in `pending_index`. May happen twice: everything,
 * without effect. A builder that is stopped leaves search as it was; the next one removes what a killed one left, or
 * finishes if the alias had moved. Absent: continuing with a half-built index.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "@elastic/elasticsearch"
import { reachMysql } from "../../clients/mysql.ts"
import { walk } from "../../clients/walk.ts"
import type { IndexEvent } from "../../events.ts"
import type { SearchStores } from "../../stores.ts"
import { type IndexOperation, indexDocuments } from "../indexing/index-documents.ts"
import { indexDefinition } from "../indexing/index-mapping.ts"
import { operationOf, readOperations } from "../indexing/read-operations.ts"
import {
  changeTargets,
  indexName,
  parseIndexName,
  readTargets,
  type Targets,
  writesAlias,
} from "../indexing/targets.ts"
import { isSearchAway } from "../search-errors.ts"
import { withReindexLock } from "./reindex-lock.ts"
import { estimateMessages, walkMessages } from "./walk-messages.ts"

/** A bulk request of the largest bodies takes seconds on a busy disk. */
const BULK_TIMEOUT_MS = 30_000
/** Time-out of creating, moving and removing an index, and of refreshing a large one. */
const ADMIN_TIMEOUT_MS = 60_000
/** Elasticsearch may restart during a build; a page refused for longer ends it. */
const RETRY_FOR_MS = 60_000
const RETRY_MS = 500
const PENDING_KEY = ["application", "chat", "message"] as const
/** Entries of pending_index per read. */
const PENDING_PAGE = 500
/** A pass that finds no more than this ends the catch-up. */
const PENDING_SMALL = 500
/** Passes at most, since writers may be as fast as the builder; the relay sends what remains. */
const PENDING_PASSES_MAX = 10

export type ReindexProgress = {
  phase: "copy" | "catch up"
  done: number
  /** An estimate, in the first phase only. */
  total?: number
}
export type ReindexOptions = {
  /** Keeps the index searched before. */
  keep?: boolean
  onProgress?: (progress: ReindexProgress) => void
  signal?: AbortSignal
}
export type Reindexed = {
  index: string
  previous: string | null
  copied: number
  /** Entries of pending_index indexed before the alias moved. */
  caughtUp: number
  /** Rows that Elasticsearch refuses for good. */
  refused: number
}

type Build = { stores: SearchStores; alias: string; index: string; signal: AbortSignal; options: ReindexOptions }

/**
 * Builds a new index of this code's mapping version and moves the alias to it. Until then the old one, if any, answers
 * searches. Throws ReindexRunning if another one runs, the stores' errors, or the reason of `signal`; the new index is
 * then removed, unless the alias had moved.
 */
export async function reindex(stores: SearchStores, options: ReindexOptions = {}): Promise<Reindexed> {
  const alias = stores.config.ELASTICSEARCH_INDEX
  return withReindexLock(stores.mysql, alias, (lost) => build(stores, alias, lost, options))
}

async function build(
  stores: SearchStores,
  alias: string,
  lost: AbortSignal,
  options: ReindexOptions,
): Promise<Reindexed> {
  const { mysql, elasticsearch } = stores
  const signal = options.signal ? AbortSignal.any([lost, options.signal]) : lost
  const before = await tidy(stores, alias)
  const previous = before.live
  const index = indexName(alias, (await lastSequence(elasticsearch, alias)) + 1)
  const registered = await changeTargets(mysql, alias, before, { live: previous, building: index })
  const own: Build = { stores, alias, index, signal, options }
  let refused = 0
  let moved = false
  try {
    await createBuilding(elasticsearch, index)
    const copied = await copyAll(own, (count) => (refused += count))
    await makeLive(elasticsearch, index)
    const caughtUp = await catchUp(own)
    await elasticsearch.indices.refresh({ index }, { requestTimeout: ADMIN_TIMEOUT_MS })
    signal.throwIfAborted()
    await moveAlias(elasticsearch, alias, index)
    moved = true
    await changeTargets(mysql, alias, registered, { live: index, building: null })
    if (previous !== null) await retire(elasticsearch, previous, options.keep === true)
    return { index, previous, copied, caughtUp, refused }
  } catch (error) {
    // Once the alias has moved, the next builder finishes; before that, nothing of this build may remain.
    if (!moved) await abandon(own, registered, previous).catch(() => undefined)
    throw error
  }
}

async function abandon({ stores, alias, index }: Build, registered: Targets, live: string | null): Promise<void> {
  await changeTargets(stores.mysql, alias, registered, { live, building: null })
  await removeIndex(stores.elasticsearch, index)
}

/**
 * Makes targets, alias and indexes agree after a builder died: finishes a move, removes an unfinished build, takes over
 * an alias unknown to MySQL (of an earlier index, another database). Returns the targets. The caller holds the lock.
 */
export async function tidy({ mysql, elasticsearch }: SearchStores, alias: string): Promise<Targets> {
  const targets = await reachMysql(() => readTargets(mysql, alias))
  const live = await searchedIndex(elasticsearch, alias)
  if (live !== null) {
    const aliases = { actions: [{ add: { index: live, alias: writesAlias(live) } }] }
    await elasticsearch.indices.updateAliases(aliases, { requestTimeout: ADMIN_TIMEOUT_MS })
  }
  const agreed =
    targets.live === live && targets.building === null && targets.generation > 0
      ? targets
      : await changeTargets(mysql, alias, targets, { live, building: null })
  for (const index of await indexesOf(elasticsearch, alias, { written: true })) {
    if (index !== live) await removeIndex(elasticsearch, index)
  }
  return agreed
}

/** Returns the index that `alias` points to, or null. */
export async function searchedIndex(elasticsearch: Client, alias: string): Promise<string | null> {
  const options = { requestTimeout: ADMIN_TIMEOUT_MS, ignore: [404] }
  const found = (await elasticsearch.indices.getAlias({ name: alias }, options)) as Record<string, unknown>
  return Object.keys(found).find((name) => parseIndexName(alias, name)) ?? null
}

/** Returns the names of the alias's indexes, searched or not; with `written` only those with an alias for writes. */
async function indexesOf(elasticsearch: Client, alias: string, { written }: { written: boolean }): Promise<string[]> {
  const found = await elasticsearch.indices.get(
    { index: `${alias}-v*`, allow_no_indices: true, features: ["aliases"] },
    { requestTimeout: ADMIN_TIMEOUT_MS },
  )
  return Object.entries(found).flatMap(([name, { aliases = {} }]) =>
    parseIndexName(alias, name) && (!written || writesAlias(name) in aliases) ? [name] : [],
  )
}

async function lastSequence(elasticsearch: Client, alias: string): Promise<number> {
  const names = await indexesOf(elasticsearch, alias, { written: false })
  return Math.max(0, ...names.map((name) => parseIndexName(alias, name)?.sequence ?? 0))
}

/** Creates an index without refreshes and replicas, the fastest to fill. */
async function createBuilding(elasticsearch: Client, index: string): Promise<void> {
  const { settings, mappings } = indexDefinition()
  const bulk = { refresh_interval: "-1", auto_expand_replicas: "false", number_of_replicas: 0 } as const
  const aliases = { [writesAlias(index)]: {} }
  await elasticsearch.indices.create(
    { index, settings: { ...settings, ...bulk }, mappings, aliases },
    { requestTimeout: ADMIN_TIMEOUT_MS },
  )
}

/** Restores the settings of a searched index. */
async function makeLive(elasticsearch: Client, index: string): Promise<void> {
  const { refresh_interval, auto_expand_replicas } = indexDefinition().settings
  const settings = { refresh_interval, auto_expand_replicas } as Record<string, string>
  await elasticsearch.indices.putSettings({ index, settings }, { requestTimeout: ADMIN_TIMEOUT_MS })
}

async function copyAll(own: Build, refuse: (count: number) => void): Promise<number> {
  const { stores, signal, options } = own
  const total = await estimateMessages(stores)
  let copied = 0
  options.onProgress?.({ phase: "copy", done: 0, total })
  for await (const rows of walkMessages(stores.mysql, { signal })) {
    const first = rows.map(operationOf)
    const events = rows.map(({ application, chat, number, revision }) => ({
      application,
      chat,
      message: number,
      revision: String(revision),
    }))
    refuse(await write(own, events, first))
    copied += rows.length
    options.onProgress?.({ phase: "copy", done: copied, total: Math.max(total, copied) })
  }
  return copied
}

/** Indexes pending_index in passes, until one finds little. Returns how many entries were indexed. */
async function catchUp(own: Build): Promise<number> {
  let sum = 0
  for (let pass = 1; pass <= PENDING_PASSES_MAX; pass++) {
    let count = 0
    const pending = own.stores.mysql.selectFrom("pending_index").select([...PENDING_KEY, "revision"])
    for await (const entries of walk(pending, { by: PENDING_KEY, pageRows: PENDING_PAGE, signal: own.signal })) {
      const events = entries.map(({ revision, ...key }) => ({ ...key, revision: String(revision) }))
      await write(own, events)
      count += events.length
      own.options.onProgress?.({ phase: "catch up", done: sum + count })
    }
    sum += count
    if (count <= PENDING_SMALL) break
  }
  return sum
}

/**
 * Indexes `events` into the new index, as `first` or as their rows are now. Retries reread the rows: a restarted
 * Elasticsearch does not remember which documents were deleted. Returns how many are refused for good.
 */
async function write(own: Build, events: IndexEvent[], first?: IndexOperation[]): Promise<number> {
  const { stores, index, signal } = own
  const { elasticsearch, mysql } = stores
  const deadline = performance.now() + RETRY_FOR_MS
  let left = events
  let operations = first ?? (await readOperations(mysql, left))
  let refused = 0
  for (;;) {
    signal.throwIfAborted()
    let reason: unknown
    try {
      const { failed } = await indexDocuments(elasticsearch, writesAlias(index), operations, {
        timeoutMs: BULK_TIMEOUT_MS,
      })
      refused += failed.filter(({ retryable }) => !retryable).length
      const again = failed.filter(({ retryable }) => retryable)
      if (again.length === 0) return refused
      left = again.flatMap((failure) => left[failure.index] ?? [])
      reason = new Error(`Elasticsearch refuses documents: ${again[0]?.reason}`)
    } catch (error) {
      if (!isSearchAway(error)) throw error
      reason = error
    }
    if (performance.now() > deadline) throw reason
    await sleep(RETRY_MS, undefined, { signal })
    operations = await readOperations(mysql, left)
  }
}

/** Moves `alias` in one step, which fails as a whole if the index is missing. */
async function moveAlias(elasticsearch: Client, alias: string, index: string): Promise<void> {
  const add = { add: { index, alias, is_write_index: true } }
  const old = await searchedIndex(elasticsearch, alias)
  const actions = old === null ? [add] : [{ remove: { index: old, alias } }, add]
  await elasticsearch.indices.updateAliases({ actions }, { requestTimeout: ADMIN_TIMEOUT_MS })
}

/** Removes an index no longer searched, or with `keep` only its alias for writes. */
async function retire(elasticsearch: Client, index: string, keep: boolean): Promise<void> {
  if (!keep) return removeIndex(elasticsearch, index)
  const options = { requestTimeout: ADMIN_TIMEOUT_MS, ignore: [404] }
  await elasticsearch.indices.deleteAlias({ index, name: writesAlias(index) }, options)
}

async function removeIndex(elasticsearch: Client, index: string): Promise<void> {
  await elasticsearch.indices.delete({ index }, { requestTimeout: ADMIN_TIMEOUT_MS, ignore: [404] })
}
