// DESIGN. One index behind an alias. A document is a message, whose key gives its id and routing; the index is a
// projection of MySQL that can be discarded and rebuilt.
//
// Substring search: the folded body (fold.ts) is indexed twice, as its n-grams of 1 and 2 code points and as those of 3.
// A query of n ≤ 3 code points is one term; a longer one is the phrase of its trigrams, which follow each other in a body
// exactly where the query occurs. So results are exact and need no filter. One field for both short n-grams, and no index
// of what no query asks for, take a tenth of Elasticsearch's time off a document.
//
// The source keeps the folded body, though no answer has it: without it Elasticsearch would keep the whole document
// beside the source until replicas need it no more and a merge drops it, at 80 bytes and a tenth of its time for each.
//
// The index is sorted by (chat, number descending) and searches of a chat sort by number alone: the newest matches come
// first and a page costs the same in a chat of a million messages. Measured: 3–10 ms, 430 bytes of index per message.
//
// Absent: scripts, query_string, wildcard, dynamic fields, and anything beyond the n-gram tokenizer.
import type { estypes } from "@elastic/elasticsearch"
import type { Selectable } from "kysely"
import type { Database } from "../../database.ts"
import { chatText } from "../../events.ts"
import { MESSAGE_MAPPINGS, type MessageMembers, membersOfMessageRow } from "../../members.ts"
import { fold } from "../folding/fold.ts"

/** Rises with every change of settings, mapping or folding, and requires a new index: see rebuilding/reindex.ts. */
export const MAPPING_VERSION = 4

const nGramAnalyzer = (tokenizer: string): estypes.AnalysisAnalyzer => ({ type: "custom", tokenizer })
const nGramTokenizer = (min: number, max = min): estypes.AnalysisTokenizer => ({
  type: "ngram",
  min_gram: min,
  max_gram: max,
})

const SETTINGS: estypes.IndicesIndexSettings = {
  // Documents are routed by application, so a search would read one shard of any number.
  number_of_shards: 1,
  // Lets a lone node be green, and a cluster hold a second copy.
  auto_expand_replicas: "0-1",
  // Explicit, since an index not searched for 30 s would stop refreshing and delay the next search.
  refresh_interval: "1s",
  // How long a deleted document's revision is remembered, and older late writes refused; after the default of 60 s they
  // would bring the message back.
  gc_deletes: "24h",
  "sort.field": ["chat_key", "number"],
  "sort.order": ["asc", "desc"],
  analysis: {
    tokenizer: { short: nGramTokenizer(1, 2), three: nGramTokenizer(3) },
    analyzer: { short_grams: nGramAnalyzer("short"), three_grams: nGramAnalyzer("three") },
  },
  // Between the sizes of one tokenizer; Elasticsearch's own bound.
  max_ngram_diff: 1,
}

/** Defines an n-gram sub-field. Matches are never scored, so it needs no norms or frequencies. */
const nGramField = (analyzer: string, indexOptions: "docs" | "positions"): estypes.MappingProperty => ({
  type: "text",
  analyzer,
  index_options: indexOptions,
  norms: false,
})

const MAPPINGS: estypes.MappingTypeMapping = {
  dynamic: "strict",
  _meta: { mapping_version: MAPPING_VERSION },
  _routing: { required: true },
  properties: {
    application: { type: "keyword" },
    chat_key: { type: "keyword" },
    chat_number: { type: "long", index: false }, // numbers go up to 2^32 - 1, an integer here only to 2^31 - 1
    number: { type: "long" },
    created_at: { type: "date", format: "strict_date_time" },
    updated_at: { type: "date", format: "strict_date_time", index: false, doc_values: false },
    effective_at: { type: "date", format: "strict_date_time", doc_values: false },
    ...MESSAGE_MAPPINGS,
    folded_body: {
      type: "keyword",
      index: false,
      doc_values: false,
      fields: {
        grams_1_2: nGramField("short_grams", "docs"),
        grams_3: nGramField("three_grams", "positions"),
      },
    },
  },
}

export type MessageRow = Selectable<Database["messages"]>

/** A message as indexed, with its key as id. Times are RFC 3339 in UTC with milliseconds. */
export type MessageDocument = MessageMembers & {
  application: string
  chat_key: string
  chat_number: number
  number: number
  created_at: string
  updated_at: string
  /** When the message was sent: `sent_at`, or `created_at` where that is null. */
  effective_at: string
  /** What is searched: see fold.ts. */
  folded_body: string
}

export const documentOf = (row: MessageRow): MessageDocument => ({
  application: row.application,
  chat_key: chatText(row),
  chat_number: row.chat,
  number: row.number,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  effective_at: (row.sent_at ?? row.created_at).toISOString(),
  folded_body: fold(row.body),
  ...membersOfMessageRow(row),
})

/** Returns the body of a create-index request, without an alias. */
export function indexDefinition(): { settings: estypes.IndicesIndexSettings; mappings: estypes.MappingTypeMapping } {
  return { settings: SETTINGS, mappings: MAPPINGS }
}
