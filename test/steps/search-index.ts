// For tests: a search index of one's own on the real Elasticsearch at ELASTICSEARCH_URL.
import { randomBytes } from "node:crypto"
import { Client } from "@elastic/elasticsearch"
import { indexDefinition } from "../../lib/search/index-mapping.ts"
import { indexName } from "../../lib/search/targets.ts"

/** A test should fail with the reason, not wait for its own time limit. */
const REQUEST_TIMEOUT_MS = 30_000

export type GivenIndex = { client: Client; alias: string; remove: () => Promise<void> }

/** A client and an alias that nobody else uses and that points to nothing yet. `remove` deletes every index behind it. */
export async function givenAlias(): Promise<GivenIndex> {
  const node = process.env.ELASTICSEARCH_URL
  if (!node) throw new Error("ELASTICSEARCH_URL is not set: the search tests need a running Elasticsearch")
  const client = new Client({ node, maxRetries: 0, requestTimeout: REQUEST_TIMEOUT_MS })
  const alias = `test-${randomBytes(8).toString("hex")}`
  await client.info().catch((cause) => {
    throw new Error(`no Elasticsearch answers at ${node}: ${cause}`, { cause })
  })
  const remove = async () => {
    const indexes = Object.keys(await client.indices.get({ index: `${alias}*`, allow_no_indices: true }))
    if (indexes.length > 0) await client.indices.delete({ index: indexes })
    await client.close()
  }
  return { client, alias, remove }
}

/** The same, with an empty index behind the alias. */
export async function givenIndex(): Promise<GivenIndex> {
  const given = await givenAlias()
  const aliases = { [given.alias]: { is_write_index: true } }
  await given.client.indices.create({ index: indexName(given.alias, 1), ...indexDefinition(), aliases })
  return given
}

/** An application token that no other test uses. */
export function givenToken(): string {
  return randomBytes(18).toString("base64url")
}
