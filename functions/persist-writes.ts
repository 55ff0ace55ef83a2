// SQS persist-writes → MySQL
import { persistWrites } from "../lib/persist/persist-records.ts"
import { consumer } from "../lib/queue/consumer.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = consumer(async () => persistWrites(await runtime()))
