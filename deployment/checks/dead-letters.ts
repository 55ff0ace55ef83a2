import { QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { expectStatus } from "../../test/steps/chat-api.ts"
import { eventually } from "../../test/steps/eventually.ts"
import { type Check, type Deployed, distinct, firstOf, type Site, same } from "../site.ts"
import { variablesOf } from "../stage/stack.ts"
import { asAdministrator } from "../stage/stage-stores.ts"

/** In the template it is 60 s, with which five receives take five minutes. */
const VISIBILITY_SECONDS = 1
/** Five receives a second or two apart, and the start of a consumer. */
const BURIED_LIMIT_MS = 60_000
const REDRIVEN_LIMIT_MS = 60_000

type Letter = { id: string; queue: string; reason: string; events_count: number | null }

const lettersOf = async ({ stage }: Deployed): Promise<Letter[]> =>
  JSON.parse(await stage.operate("dead-letters", "list", "--json")).dead_letters

/** Runs `action` while a queue delivers failed messages again after a second. */
async function withShortVisibility<T>({ aws }: Site, QueueUrl: string, action: () => Promise<T>): Promise<T> {
  const change = (VisibilityTimeout: string) =>
    aws.sqs.setQueueAttributes({ QueueUrl, Attributes: { VisibilityTimeout } })
  const { Attributes } = await aws.sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["VisibilityTimeout"] })
  await change(`${VISIBILITY_SECONDS}`)
  try {
    return await action()
  } finally {
    await change(Attributes?.VisibilityTimeout ?? "")
  }
}

/** Makes MySQL refuse the rows of chats with a name, as it would a name that is too long, until `undo`. */
async function refuseChats({ servers }: Site, { stage }: Deployed, name: string) {
  const trigger = `${new URL(stage.secret().MYSQL_URL).pathname.slice(1)}.refuse_chats`
  const [database = ""] = trigger.split(".")
  const refusal = "signal sqlstate '22001' set mysql_errno = 1406, message_text = 'refused'"
  const condition = `if new.name = '${name}' then ${refusal}; end if`
  await asAdministrator(servers, (query) =>
    query(`create trigger ${trigger} before insert on ${database}.chats for each row begin ${condition}; end`),
  )
  return { undo: () => asAdministrator(servers, (query) => query(`drop trigger ${trigger}`)) }
}

async function storedChats({ servers }: Site, { stage }: Deployed, name: string): Promise<number> {
  const database = new URL(stage.secret().MYSQL_URL).pathname.slice(1)
  const statement = `select count(*) as count from ${database}.chats where name = '${name}'`
  const [row] = await asAdministrator(servers, (query) => query(statement))
  return Number((row as { count: number }).count)
}

/** Sends a message that no consumer can read, and creates a chat that MySQL refuses, until both are dead letters. */
async function poison(site: Site, first: Deployed, name: string): Promise<{ refused: Letter; unreadable: Letter }> {
  const variables = await variablesOf(site.aws, first.stage.name, "persist-writes")
  const QueueUrl = variables[QUEUES.persist.urlVariable] ?? ""
  return withShortVisibility(site, QueueUrl, async () => {
    await site.aws.sqs.sendMessage({ QueueUrl, MessageBody: "no envelope" })
    const token = await first.api.givenApplication(distinct(site, "Poisoned"))
    site.confidential.add(token)
    const chat = await first.api.givenChat(token, name)
    const letters = await eventually(async () => {
      const listed = await lettersOf(first)
      const reasons = listed.map(({ queue, reason }) => `${queue}: ${reason}`).sort()
      same("dead letters", reasons, [
        `${QUEUES.persist.name}: ER_DATA_TOO_LONG`,
        `${QUEUES.persist.name}: ${QUEUES.persist.unreadable}`,
      ])
      return listed
    }, BURIED_LIMIT_MS)
    same("readers see", expectStatus(await first.api.getChat(token, chat), 200).name, name)
    const [refused, unreadable] = ["ER_DATA_TOO_LONG", QUEUES.persist.unreadable].map((reason) =>
      letters.find((letter) => letter.reason === reason),
    )
    return { refused: refused as Letter, unreadable: unreadable as Letter }
  })
}

/**
 * The consumers give each message up at its last receive. The emulator deletes a batch whose `batchItemFailures` holds
 * an empty or unknown id; AWS would deliver all of it again, so this does not show what such a mistake would do there.
 */
export const deadLetters: Check = {
  key: "dead-letters",
  name: `a poisoned message becomes a dead letter with its reason after ${RECEIVES_MAX} receives (${VISIBILITY_SECONDS} s apart here, not 60 s), is listed, and is stored once redriven`,
  async run(site) {
    const first = firstOf(site)
    const name = distinct(site, "Refused")
    const { undo } = await refuseChats(site, first, name)
    const { refused, unreadable } = await poison(site, first, name).finally(undo)
    await first.stage.operate("dead-letters", "redrive", refused.id)
    await eventually(async () => same("rows", await storedChats(site, first, name), 1), REDRIVEN_LIMIT_MS)
    same(
      "left",
      (await lettersOf(first)).map(({ id }) => id),
      [unreadable.id],
    )
    await first.stage.operate("dead-letters", "discard", unreadable.id, "--yes")
    same("left", await lettersOf(first), [])
    return `${refused.reason}; ${unreadable.reason}`
  },
}
