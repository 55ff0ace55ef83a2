// docs/data.md has a row for every key, table, queue and field in the code, and no others.
import { expect, test } from "@jest/globals"
import * as keys from "../../lib/outbox/keys.ts"
import { QUEUES } from "../../lib/queue/queues.ts"
import { indexDefinition } from "../../lib/search/indexing/index-mapping.ts"
import { matches, read, sectionOf } from "../steps/project-files.ts"

const rowsOf = (heading: string): string[] => matches(sectionOf("docs/data.md", heading), /^(\| `.*\|)$/gm)
const cellsOf = (row: string): string[] => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim())
const namesIn = (cell = ""): string[] => matches(cell, /`([^`]+)`/g)
const firstNames = (heading: string): string[] => rowsOf(heading).flatMap((row) => namesIn(cellsOf(row)[0]))

const SHARD = "s"
/** The page writes a tag as its shard. */
const TAG = `{${keys.TAGS.find((tag) => tag.startsWith(SHARD))}}`
/** The first character is its shard. */
const TOKEN = `${SHARD}token`

/** The keys by each function or constant of lib/outbox/keys.ts, with the page's words for their parts. */
const KEYS: Record<string, string[]> = {
  LATEST_CREATION_KEY: [keys.LATEST_CREATION_KEY],
  arrivingKey: [keys.arrivingKey(SHARD)],
  addressRateKey: [keys.addressRateKey(SHARD, "network")],
  applicationKey: [keys.applicationKey(TOKEN)],
  applicationRateKey: [keys.applicationRateKey(TOKEN)],
  changesKey: [keys.changesKey(TOKEN)],
  dueKey: [keys.dueKey(SHARD)],
  idempotencyKey: [keys.idempotencyKey(SHARD, "hash")],
  keysWith: Object.values(keys.keysWith(TOKEN)),
  lifeKey: [keys.lifeKey(SHARD)],
  outboxKey: [keys.outboxKey(SHARD)],
  pendingKey: [keys.pendingKey(SHARD, ""), keys.pendingKey(SHARD, "parent")],
  shardKeys: Object.values(keys.shardKeys(SHARD)),
}

test("the keys of Redis: each function that names one is known here, and each key has its row", () => {
  const naming = Object.keys(keys).filter((name) => /key(s|sWith)?$/i.test(name) || name === "keysWith")
  expect(naming.sort()).toEqual(Object.keys(KEYS).sort())
  const named = new Set(Object.values(KEYS).flat())
  const expected = [...named].map((key) => key.replace(TOKEN, "token").replace(TAG, `{${SHARD}}`))
  expect(firstNames("Redis").sort()).toEqual(expected.sort())
})

test("the tables of MySQL: each has its row with its columns", () => {
  const [, type = ""] =
    /export type Database = \{\n(.*?)\n\}\n/s.exec(read("lib/database.ts").replaceAll(/\/\*\*.*?\*\//gs, "")) ?? []
  const tables = [...type.matchAll(/^ {2}(\w+): (?:(\w+) & )?\{(.*?)\}$/gms)]
  expect(firstNames("MySQL").sort()).toEqual(tables.map(([, name]) => name).sort())
  const lacking = tables.flatMap(([, name = "", , columns = ""]) => {
    const row = rowsOf("MySQL").find((one) => one.startsWith(`| \`${name}\``)) ?? ""
    const told = namesIn(row)
    return matches(columns, /(?:^ {4}| )(\w+):/gm)
      .filter((column) => !/^(created|updated)_at$/.test(column) && !told.includes(column))
      .map((column) => `${name}.${column}`)
  })
  expect(lacking).toEqual([])
})

test("the queues: each has its row with its dead letters", () => {
  const rows = rowsOf("Queues").map((row) => cellsOf(row).slice(0, 2).flatMap(namesIn))
  expect(rows).toEqual(Object.values(QUEUES).map(({ name, deadLetters }) => [name, deadLetters]))
})

test("the index: each field has its row", () => {
  const { properties = {} } = indexDefinition().mappings
  expect(firstNames("Elasticsearch").sort()).toEqual(Object.keys(properties).sort())
})
