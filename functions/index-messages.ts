// SQS index-messages → Elasticsearch
import { consumer } from "../lib/queue/consumer.ts"
import { indexMessages } from "../lib/search/indexing/index-records.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

export const handler = consumer(async () => indexMessages(await searchRuntime()))
