import { listDeadLetters, redriveDeadLetters } from "../../lib/queue/dead-letters.ts"
import { type Command, EXIT, UsageError } from "./command.ts"

export const command: Command = {
  name: "dead-letters",
  summary: "Lists what was given up, and sends it again.",
  usage: "dead-letters list | redrive",
  async run({ words: [verb] }, { stores, output }) {
    if (verb === "list") {
      const letters = await listDeadLetters(stores)
      output.table(letters.map(({ queue, reason, sentAt, body }) => ({ sentAt, queue, reason, bytes: body.length })))
      output.line(`${letters.length} dead letters`)
      output.document({ dead_letters: letters })
      return EXIT.ok
    }
    if (verb !== "redrive") throw new UsageError(`dead-letters takes list or redrive, not "${verb ?? ""}".`)
    const sent = await redriveDeadLetters(stores)
    output.line(`${sent} messages sent again`)
    output.document({ redriven: sent })
    return EXIT.ok
  },
}
