// SIGTERM under load: answered writes are kept, each other one exists as a whole or not at all, and nothing hangs.
import { expect, test } from "@jest/globals"
import { type ChatApi, expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { type RunningApi, useApiProject } from "../steps/running-api.ts"

const CLIENTS = 16
/** Well into the load, with batches in flight. */
const ANSWERED_BEFORE_STOP = 200
/** Long enough for events in flight to be relayed twice. */
const STORED_LIMIT_MS = 150_000
/** Usually a second or two, but batches may take 10 s and running calls 5 s. */
const STOP_LIMIT_MS = 16_000
const CHILDREN_END_LIMIT_MS = 10_000

const { stores, project } = useApiProject()

/** Creates messages until the API is gone. Returns the bodies of the answered ones by number. */
async function createUntilGone(chats: ChatApi, token: string, onAnswer: () => void): Promise<Map<number, string>> {
  const answered = new Map<number, string>()
  const client = async (name: number) => {
    for (let sequence = 1; ; sequence++) {
      const body = `message ${sequence} of client ${name}`
      const answer = await chats.createMessage(token, 1, { body }).catch(() => undefined)
      if (!answer) return
      answered.set(expectStatus(answer, 201).number, body)
      onAnswer()
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)))
  return answered
}

/** Waits for the bundler's process too, which ends once it notices that the API has. */
const expectNobodyLeft = (api: RunningApi) => eventually(() => expect(api.isAlive()).toBe(false), CHILDREN_END_LIMIT_MS)

test("messages: the API stopped while they are made, and started again: nothing answered is lost", async () => {
  const first = await project().start()
  const token = await first.chats.givenApplication()
  await first.chats.givenChat(token)

  let answers = 0
  const answered = await new Promise<Map<number, string>>((resolve, reject) => {
    const onAnswer = () => {
      if (++answers === ANSWERED_BEFORE_STOP) first.stop().catch(reject)
    }
    createUntilGone(first.chats, token, onAnswer).then(resolve, reject)
  })
  const { code, tookMs } = await first.stop()
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(STOP_LIMIT_MS)
  await expectNobodyLeft(first)
  expect(answered.size).toBeGreaterThanOrEqual(ANSWERED_BEFORE_STOP)

  const second = await project().start()
  for (const [number, body] of answered)
    expect(expectStatus(await second.chats.getMessage(token, 1, number), 200).body).toBe(body)
  const next = await second.chats.givenMessage(token, 1, "after the stop")
  expect(next).toBeGreaterThan(Math.max(...answered.keys()))
  await eventually(async () => {
    const { mysql } = stores()
    const query = mysql.selectFrom("messages").select(["number", "body"]).where("application", "=", token)
    const rows = await query.orderBy("number").execute()
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: next }, (_, index) => index + 1))
    for (const { number, body } of rows) if (answered.has(number)) expect(body).toBe(answered.get(number))
  }, STORED_LIMIT_MS)
  expect((await second.stop()).code).toBe(0)
  await expectNobodyLeft(second)
})
