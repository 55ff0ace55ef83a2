// Separate search indexes for tests on the Elasticsearch at ELASTICSEARCH_URL.
import { randomBytes } from "node:crypto"
import { Client } from "@elastic/elasticsearch"
import { chatText, type ResourceKey } from "../../lib/events.ts"
import { MESSAGE_DEFAULTS } from "../../lib/members.ts"
import { fold } from "../../lib/search/folding/fold.ts"
import { type IndexOperation, indexDocuments } from "../../lib/search/indexing/index-documents.ts"
import { indexDefinition } from "../../lib/search/indexing/index-mapping.ts"
import { indexName } from "../../lib/search/indexing/targets.ts"

/** Shorter than a test's limit, so that it fails with the reason. */
const REQUEST_TIMEOUT_MS = 30_000

const FIRST_CREATED_AT = Date.UTC(2026, 0, 1)

export type GivenIndex = { client: Client; alias: string; remove: () => Promise<void> }

/** Returns a client and a new alias that points to nothing yet. `remove` deletes every index behind it. */
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

/** Returns the same with an empty index behind the alias. */
export async function givenIndex(): Promise<GivenIndex> {
  const given = await givenAlias()
  const aliases = { [given.alias]: { is_write_index: true } }
  await given.client.indices.create({ index: indexName(given.alias, 1), ...indexDefinition(), aliases })
  return given
}

/** Returns the write of a message's document, created at `at` (RFC 3339) and unchanged since. */
export function writing(key: ResourceKey, body: string, at: string, revision: string | bigint): IndexOperation {
  const { application, chat, message: number } = key
  const times = { created_at: at, updated_at: at, effective_at: at }
  const members = { ...MESSAGE_DEFAULTS, body }
  const place = { application, chat_key: chatText(key), chat_number: chat, number }
  const document = { ...place, ...members, ...times, folded_body: fold(body) }
  return { ...key, revision, document }
}

/** Indexes a chat with the bodies, numbered from 1, a millisecond apart, ready to be searched. Throws if one fails. */
export async function givenDocuments(
  { client, alias }: GivenIndex,
  application: string,
  chat: number,
  bodies: readonly string[],
): Promise<void> {
  const operations = bodies.map((body, index) => {
    const at = new Date(FIRST_CREATED_AT + index).toISOString()
    return writing({ application, chat, message: index + 1 }, body, at, "1")
  })
  const { failed } = await indexDocuments(client, alias, operations, { timeoutMs: REQUEST_TIMEOUT_MS })
  if (failed.length > 0) throw new Error(`not indexed: ${JSON.stringify(failed.slice(0, 3))}`)
  await client.indices.refresh({ index: alias })
}

/** Returns an application token that no other test uses. */
export function givenToken(): string {
  return randomBytes(18).toString("base64url")
}
