// Measures functions as deployed with the share of a processor that AWS Lambda gives with each size of memory.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { sqsRecord } from "../../test/steps/drain.ts"
import type { Bench, BenchRun, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { callsInTurn, eventsFor, unpackOwnBundles } from "../stack/bundles.ts"
import { chatOf, createChats, createMessages } from "../stack/load.ts"
import { makeProcessorShare } from "../stack/processor-share.ts"

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: so much is one whole processor. */
const MB_OF_ONE_PROCESSOR = 1_769
const SIZES_MB = [256, 512, 768, 1_024, 1_769]
const FUNCTIONS = ["create-message", "get-message", "list-messages", "search-messages", "persist-writes"]
const CALLS = 200
/** Events of a batch of the consumer. */
const BATCH_EVENTS = 100
const MESSAGES = 1_000
const QUIET_LIMIT_MS = 120_000
const MB_PER_GB = 1_024

/** Returns batches of creations for the consumer, of messages that come after all others of the chat. */
function batchesFor(chatPath: string, count: number, firstNumber: number): object[] {
  const { application, chat } = chatOf(chatPath)
  const now = Date.now()
  return Array.from({ length: count }, (_, batch) => {
    const events = Array.from({ length: BATCH_EVENTS }, (_, index) => ({
      ...{ revision: `${now * 1_000 + batch * BATCH_EVENTS + index}`, application, chat },
      ...{ message: firstNumber + batch * BATCH_EVENTS + index, created_at: now, body: "The quick brown fox jumps" },
    }))
    return { Records: [sqsRecord(events)] }
  })
}

export const memory: Bench = {
  name: "memory",
  about: `functions as deployed, each in a new process with the share of a processor that AWS Lambda gives with so many MB: its first call with the import, and ${CALLS} calls one after the other (persist-writes: of ${BATCH_EVENTS} events); GBms is what AWS bills for a call, memory times time; residentMB is the most that the process used`,
  async run({ stack, rounds, scale, say }: BenchRun) {
    const folder = await mkdtemp(join(tmpdir(), "chat-backend-bundles-"))
    const figures: Figure[] = []
    const calls = Math.max(10, Math.round(CALLS * scale))
    try {
      const bundles = (await unpackOwnBundles(folder)).filter(({ name }) => FUNCTIONS.includes(name))
      const chats = await createChats(stack.apiUrl, 1)
      const [chat = ""] = chats
      await createMessages({ apiUrl: stack.apiUrl, chats, connections: 8, amount: MESSAGES })
      await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
      let next = 10 * MESSAGES
      for (let round = 0; round < rounds; round++) {
        for (const sizeMb of SIZES_MB) {
          const share = await makeProcessorShare(`chat-bench-${process.pid}`, sizeMb / MB_OF_ONE_PROCESSOR)
          try {
            for (const bundle of bundles) {
              const isConsumer = bundle.name === "persist-writes"
              const events = isConsumer
                ? batchesFor(chat, calls + 1, next)
                : Array.from({ length: calls + 1 }, () => eventsFor(chat)(bundle.name))
              if (isConsumer) next += events.length * BATCH_EVENTS
              const found = await callsInTurn(bundle, events, { ...stack.env, ANSWER_BEFORE_SEND: "" }, share.processes)
              const { firstMs, medianMs, p99Ms, residentMB } = found
              const billed = { GBms: (sizeMb / MB_PER_GB) * Math.ceil(medianMs) }
              figures.push({ name: `${bundle.name}, ${sizeMb} MB`, firstMs, medianMs, p99Ms, ...billed, residentMB })
            }
          } finally {
            await share.remove()
          }
          await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
          say(`round ${round + 1} of ${rounds}, ${sizeMb} MB`)
        }
      }
      const plot = plotMedians(figures, {
        file: "memory",
        title: "A function with the processor that its memory gives",
        unit: "milliseconds",
        series: { firstMs: "its first call, with the import", p99Ms: "99th percentile of later calls" },
      })
      return { figures, bounds: [], plots: [plot] }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
