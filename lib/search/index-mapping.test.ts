import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { type GivenIndex, givenAlias } from "../../test/steps/search-index.ts"
import { ensureIndex, indexDefinition, MAPPING_VERSION } from "./index-mapping.ts"

let given: GivenIndex
beforeEach(async () => {
  given = await givenAlias()
})
afterEach(() => given.remove())

const indexesBehind = async ({ client, alias }: GivenIndex) =>
  Object.keys(await client.indices.getAlias({ name: alias }))

describe("ensureIndex", () => {
  test("an alias that points to nothing, ensured by several instances at once, points to one index", async () => {
    const { client, alias } = given

    const names = await Promise.all(Array.from({ length: 8 }, () => ensureIndex(client, alias)))

    expect(new Set(names)).toEqual(new Set([`${alias}-v${MAPPING_VERSION}-000001`]))
    expect(await indexesBehind(given)).toEqual([`${alias}-v${MAPPING_VERSION}-000001`])
  })

  test("an index with documents, ensured again, keeps them", async () => {
    const { client, alias } = given
    const name = await ensureIndex(client, alias)
    await client.index({ index: alias, id: "1", routing: "a", document: { application: "a" }, refresh: true })

    expect(await ensureIndex(client, alias)).toBe(name)

    expect((await client.count({ index: alias })).count).toBe(1)
  })

  test("an alias moved to a rebuilt index, ensured, stays there", async () => {
    const { client, alias } = given
    const first = await ensureIndex(client, alias)
    const rebuilt = `${alias}-v${MAPPING_VERSION}-000002`
    await client.indices.create({ index: rebuilt, ...indexDefinition() })
    const actions = [{ remove: { index: first, alias } }, { add: { index: rebuilt, alias, is_write_index: true } }]
    await client.indices.updateAliases({ actions })

    expect(await ensureIndex(client, alias)).toBe(rebuilt)

    expect(await indexesBehind(given)).toEqual([rebuilt])
  })

  test("a first index left without its alias, ensured, is an error that says so", async () => {
    const { client, alias } = given
    const name = await ensureIndex(client, alias)
    await client.indices.deleteAlias({ index: name, name: alias })

    await expect(ensureIndex(client, alias)).rejects.toThrow(`the index ${name} exists, but the alias`)
  })

  test("a new index refuses unknown fields and documents without routing, and keeps revisions of the deleted for a day", async () => {
    const { client, alias } = given
    const name = await ensureIndex(client, alias)

    const unknownField = client.index({ index: alias, id: "1", routing: "a", document: { surprise: 1 } })
    const unrouted = client.index({ index: alias, id: "1", document: { application: "a" } })

    await expect(unknownField).rejects.toThrow("strict_dynamic_mapping_exception")
    await expect(unrouted).rejects.toThrow("routing_missing_exception")
    const settings = (await client.indices.getSettings({ index: alias, flat_settings: true }))[name]?.settings
    expect(settings).toMatchObject({ "index.gc_deletes": "24h", "index.refresh_interval": "1s" })
  })
})
