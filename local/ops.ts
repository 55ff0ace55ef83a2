// npm run ops -- dead-letters list | redrive: the operator's commands, on the stores that the environment names.
import { readConfig } from "../lib/config.ts"
import { listDeadLetters, redriveDeadLetters } from "../lib/queue/dead-letters.ts"
import { buildStores } from "../lib/runtime.ts"
import { loadEnvironment } from "./environment.ts"

const USAGE = "usage: npm run ops -- dead-letters list | redrive"

async function main([noun, verb]: string[]): Promise<number> {
  if (noun !== "dead-letters" || (verb !== "list" && verb !== "redrive")) {
    console.error(USAGE)
    return 2
  }
  loadEnvironment()
  const { stores, close } = buildStores(readConfig(process.env))
  try {
    if (verb === "list") {
      const letters = await listDeadLetters(stores)
      for (const { queue, reason, sentAt, body } of letters) {
        console.log(`${sentAt}  ${queue}  ${reason}  ${Buffer.byteLength(body)} bytes`)
      }
      console.log(`${letters.length} dead letters`)
    } else {
      console.log(`${await redriveDeadLetters(stores)} messages sent again`)
    }
    return 0
  } finally {
    await close()
  }
}

// A connection that was still being made when all was done must not keep the command alive.
process.exit(await main(process.argv.slice(2)))
