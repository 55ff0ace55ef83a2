import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { type GivenIndex, givenIndex } from "../../../test/steps/search-index.ts"

let given: GivenIndex
beforeEach(async () => {
  given = await givenIndex()
})
afterEach(() => given.remove())

describe("the index", () => {
  test("new, refuses unknown fields and documents without routing, and keeps revisions of the deleted for a day", async () => {
    const { client, alias } = given

    const unknownField = client.index({ index: alias, id: "1", routing: "a", document: { surprise: 1 } })
    const unrouted = client.index({ index: alias, id: "1", document: { application: "a" } })

    await expect(unknownField).rejects.toThrow("strict_dynamic_mapping_exception")
    await expect(unrouted).rejects.toThrow("routing_missing_exception")
    const [settings] = Object.values(await client.indices.getSettings({ index: alias, flat_settings: true }))
    expect(settings?.settings).toMatchObject({ "index.gc_deletes": "24h", "index.refresh_interval": "1s" })
  })
})
