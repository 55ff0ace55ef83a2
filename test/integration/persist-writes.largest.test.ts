// The largest batch that a queue can deliver: a statement of MySQL must stay below its longest (max_allowed_packet).
import { expect, test } from "@jest/globals"
import { sql } from "kysely"
import type { WriteEvent } from "../../lib/events.ts"
import { LIMITS } from "../../lib/limits.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import { deliver, sqsRecord } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

/** As serverless.yml says (batchSize); each of the largest messages has an envelope of its own. */
const RECORDS = 100
/** The default of MariaDB; MySQL's is 64 MiB. */
const PACKET_MAX = 16 * 1024 * 1024

/** A message whose members are all at their limits, in the characters that take most bytes in a statement. */
const largest = (application: string, message: number): WriteEvent => ({
  ...{ v: 2, revision: String(1_000 + message), application, chat: 1, message, created_at: 1 },
  body: "🙂".repeat(LIMITS.bodyMax),
  sender: "🙂".repeat(LIMITS.senderMax),
  metadata: JSON.stringify({ a: '"'.repeat(LIMITS.metadataBytesMax / 2 - 4) }),
  sent_at: "2026-11-01T07:15:30.123Z",
})

test("a hundred of the largest messages: delivered in one batch: are stored in statements of a third of the longest", async () => {
  const application = drawToken()
  const events = Array.from({ length: RECORDS }, (_, index) => largest(application, index + 1))
  const { mysql } = stores()
  const longest = await sql<{ bytes: number }>`select @@max_allowed_packet as bytes`.execute(mysql)
  expect(Number(longest.rows[0]?.bytes)).toBeGreaterThanOrEqual(PACKET_MAX)
  expect(
    await deliver(
      "persist",
      events.map((event) => sqsRecord([event])),
    ),
  ).toEqual([])
  const rows = await mysql.selectFrom("messages").selectAll().where("application", "=", application).execute()
  expect(rows).toHaveLength(RECORDS)
  const [{ body, sender, metadata } = { body: "", sender: null, metadata: null }] = rows
  expect([body, sender?.toString(), metadata]).toEqual([events[0]?.body, events[0]?.sender, events[0]?.metadata])
  expect(Buffer.byteLength(metadata ?? "")).toBe(LIMITS.metadataBytesMax)
  // Quotes and backslashes are doubled, and the sender is written in hexadecimal digits.
  const written = Buffer.byteLength(body) + 2 * Buffer.byteLength(metadata ?? "") + 2 * (sender?.length ?? 0)
  expect(RECORDS * written).toBeLessThan(PACKET_MAX / 3)
})
