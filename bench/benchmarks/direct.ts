// Measures a creation without HTTP: the handler itself, compared with a floor of one Redis script and one SQS send.

import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { handler } from "../../functions/create-message.ts"
import type { WriteEvent } from "../../lib/events.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import { gatewayEvent, invocation } from "../../test/steps/gateway-event.ts"
import type { Bench, BenchRun, Figure } from "../report/bench-run.ts"
import { chatOf, createChats } from "../stack/load.ts"

/** Calls by concurrency: 1, as in an instance of AWS Lambda; 64, as under load, where events share a send. */
const CALLS: Record<number, number> = { 1: 3_000, 64: 20_000 }
const WARM_UP_CALLS = 2_000
const QUIET_LIMIT_MS = 120_000
const BODY = JSON.stringify({ body: "The quick brown fox jumps over the lazy dog, and the parcel is on its way." })

/** Returns the microseconds of this process's CPU time and of wall time per call. */
async function cost(calls: number, atATime: number, call: (index: number) => Promise<unknown>) {
  const [cpu, started] = [process.cpuUsage(), performance.now()]
  let next = 0
  const work = async () => {
    while (next < calls) await call(next++)
  }
  await Promise.all(Array.from({ length: atATime }, work))
  const { user, system } = process.cpuUsage(cpu)
  return { cpuMicroseconds: (user + system) / calls, wallMicroseconds: ((performance.now() - started) * 1000) / calls }
}

/** The least that a creation could do: one script that takes a number and keeps the event, and one send. */
const FLOOR = defineScript("floor", {
  keys: ["bench"],
  args: ["event"],
  returns: ([number]) => Number(number),
  lua: "local number = redis.call('HINCRBY', bench_key, 'number', 1); redis.call('HSET', bench_key, 'event', event); return {number}",
})

export const direct: Bench = {
  name: "direct",
  about:
    "the handler of POST message called without HTTP, one call at a time and 64, against one Redis script and one SQS send for each",
  async run({ stack, rounds, scale, say }: BenchRun) {
    Object.assign(process.env, stack.env)
    const { stores } = stack.direct
    const [path = ""] = await createChats(stack.apiUrl, 1)
    const { application: token, chat } = chatOf(path)
    const creation = gatewayEvent({
      method: "POST",
      path: `${path}/messages`,
      pathParameters: { token, chat_number: `${chat}` },
      headers: { "content-type": "application/json" },
      body: BODY,
    })
    const create = async () => {
      const { statusCode } = await handler(creation, invocation)
      if (statusCode !== 201) throw new Error(`the handler answered ${statusCode}`)
    }
    const floor = async (index: number) => {
      await stores.redis.run(FLOOR, { bench: `{${token.charAt(0)}}:bench` }, { event: BODY })
      await stores.queues.persist.send([floorEvent(token, index)])
    }
    const figures: Figure[] = []
    for (const call of [create, floor]) await cost(WARM_UP_CALLS, 64, call)
    for (let round = 0; round < rounds; round++) {
      for (const [atATime, amount] of Object.entries(CALLS)) {
        const calls = Math.ceil(amount * scale)
        const bare = await cost(calls, Number(atATime), floor)
        await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
        const whole = await cost(calls, Number(atATime), create)
        await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
        const ratio = whole.cpuMicroseconds / bare.cpuMicroseconds
        const name = `${atATime} at a time`
        say(`${name}: ${Math.round(whole.cpuMicroseconds)} µs of CPU for each call, ${ratio.toFixed(2)} of the floor's`)
        figures.push({ name: `floor, ${name}`, ...bare }, { name: `handler, ${name}`, ...whole, ofFloor: ratio })
      }
    }
    return { figures, bounds: [{ of: "ofFloor", name: "handler, 1 at a time", max: 1.5 }] }
  },
}

/** Returns an update of a missing message, older than any other, so that the consumer has nothing to do. */
const floorEvent = (application: string, index: number): WriteEvent => ({
  revision: "1",
  application,
  chat: 1,
  message: 1 + (index % 1_000),
  created_at: 1,
  body: "x".repeat(90),
})
