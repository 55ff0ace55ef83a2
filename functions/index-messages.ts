// SQS index-messages → Elasticsearch
import { consumer } from "../lib/queue/consumer.ts"
import { runtime } from "../lib/runtime.ts"
import { indexRecords } from "../lib/search/index-records.ts"

export const handler = consumer({ run: (records) => indexRecords(runtime(), records) })
