import { expectStatus } from "../../test/steps/chat-api.ts"
import { eventually } from "../../test/steps/eventually.ts"
import { type Check, type Deployed, distinct, firstOf, type Site, same } from "../site.ts"
import { asAdministrator } from "../stage/stage-stores.ts"

/** Two consumers start, each gathers for a second, and the index shows new documents once a second. */
const FOUND_LIMIT_MS = 60_000
/** The schedules fire once a minute, and a job starts in a second or two. */
const SYNCED_LIMIT_MS = 90_000
const MESSAGES = 3

/** Creates a message of its own and waits until the search finds it. Returns its chat, and the time that took. */
export async function createAndFind(site: Site, { api }: Deployed, limitMs = FOUND_LIMIT_MS) {
  const body = distinct(site, "Where is my parcel?")
  const token = await api.givenApplication(distinct(site, "Support"))
  site.confidential.add(token)
  const chat = await api.givenChat(token, distinct(site, "Order"))
  for (let count = 1; count < MESSAGES; count++) await api.givenMessage(token, chat, distinct(site, "Hello"))
  const number = await api.givenMessage(token, chat, body)
  const answered = performance.now()
  await eventually(async () => {
    const { data } = expectStatus(await api.searchMessages(token, chat, { query: body }), 200)
    same(
      "found",
      data.map((message: { number: number }) => message.number),
      [number],
    )
  }, limitMs)
  return { token, chat, number, body, seconds: (performance.now() - answered) / 1000 }
}

/** Returns how many rows of messages a stage's database has for an application. */
async function storedMessages({ servers }: Site, { stage }: Deployed, token: string): Promise<number> {
  const { pathname } = new URL(stage.secret().MYSQL_URL)
  const statement = `select count(*) as count from ${pathname.slice(1)}.messages where application = '${token}'`
  const [row] = await asAdministrator(servers, (query) => query(statement))
  return Number((row as { count: number }).count)
}

export const flows: Check = {
  key: "flow",
  name: "a created message goes through SQS to MySQL and Elasticsearch, and is found",
  async run(site) {
    const first = firstOf(site)
    const found = await createAndFind(site, first)
    const { token, seconds } = found
    site.counted = found
    same("rows in MySQL", await storedMessages(site, first, token), MESSAGES)
    return `found ${seconds.toFixed(1)} s after the answer`
  },
}

export const schedules: Check = {
  key: "schedule",
  name: "the schedule syncs counts without a call",
  async run(site) {
    const first = firstOf(site)
    // Rather the messages of an earlier check, since most of the minute has passed since then.
    const { token, chat } = site.counted ?? (await createAndFind(site, first))
    await eventually(async () => {
      const { messages_count } = expectStatus(await first.api.getChat(token, chat), 200)
      same("messages_count", messages_count, MESSAGES)
    }, SYNCED_LIMIT_MS)
    return `messages_count is ${MESSAGES}`
  },
}
