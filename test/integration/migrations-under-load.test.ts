// The tables of the release before members and changes are brought up to date while its functions write, store and read.
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { sql } from "kysely"
import { migrateDown, migrateUp, withTables } from "../../lib/operate/prepare-stores.ts"
import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, receiveRecords, removeRecords } from "../steps/drain.ts"
import { follow, short } from "../steps/follow.ts"
import { giveFormerNames } from "../steps/former-tags.ts"
import { startPreviousRelease } from "../steps/previous-release.ts"
import { withRedis } from "../steps/redis.ts"
import { PREPARE_TIMEOUT_MS, useTestStores } from "../steps/stores.ts"

/** The indexes of these rows take MariaDB about half a second. */
const DOUBLINGS = 16
const WRITERS = 4
/** Writes of each before the migrations begin, and after they have ended. */
const WRITES_AROUND = 10
const NONE = { sender: null, metadata: {}, sent_at: null }

const stores = useTestStores()
const api = chatApi(directTransport())
let previous: Awaited<ReturnType<typeof startPreviousRelease>>
let token: string
let chat: number

/** Makes 65,536 rows of another application. */
async function fill(): Promise<void> {
  const { mysql } = stores()
  await sql`insert into messages (application, chat, number, body, revision, created_at, updated_at)
    values ('filled', 1, 1, ${"Größe L, 100% Wolle ".repeat(5)}, 1, now(3), now(3))`.execute(mysql)
  for (let doubling = 0; doubling < DOUBLINGS; doubling++)
    await sql`insert into messages (application, chat, number, body, revision, created_at, updated_at)
      select application, chat, number + ${2 ** doubling}, body, revision + ${2 ** doubling}, created_at, updated_at
      from messages where application = 'filled'`.execute(mysql)
}

beforeAll(async () => {
  token = await api.givenApplication()
  chat = await api.givenChat(token)
  await drainQueues(stores())
  await withRedis(giveFormerNames)
  for (let done = ""; !done.includes("add_members"); ) [done = ""] = await migrateDown(stores().mysql)
  await fill()
  previous = await startPreviousRelease()
}, PREPARE_TIMEOUT_MS)

afterAll(() => previous?.stop())

/** Stores what comes to the persist queue by the previous release until `isOver`. Returns how many records failed. */
async function storeByPrevious(isOver: () => boolean): Promise<number> {
  let failed = 0
  while (!isOver()) {
    const records = await receiveRecords(stores(), "persist")
    if (records.length === 0) continue
    failed += (await previous.deliver("persist-writes", records)).length
    await removeRecords(stores(), "persist", records)
  }
  return failed
}

/** Creates messages by the previous release, and changes, reads and lists each, until `isOver`. Returns the bodies. */
async function write(writer: number, isOver: (writes: number) => boolean): Promise<Map<number, string>> {
  const bodies = new Map<number, string>()
  for (let writes = 0; !isOver(writes); writes++) {
    const body = `${writer}.${writes}`
    const { number } = expectStatus(await previous.api.createMessage(token, chat, { body }), 201)
    expectStatus(await previous.api.updateMessage(token, chat, number, { body: `${body} changed` }), 200)
    const read = expectStatus(await previous.api.getMessage(token, chat, number), 200)
    expect(read.body).toBe(`${body} changed`)
    const { data } = expectStatus(await previous.api.listMessages(token, chat, { order: "desc", limit: 100 }), 200)
    expect(data.map((one: { number: number }) => one.number)).toContain(number)
    bodies.set(number, read.body)
  }
  return bodies
}

test("the previous release while the tables are brought up: refuses nothing, and this one has all that it wrote", async () => {
  let writesLeft = Number.POSITIVE_INFINITY
  let begun = 0
  let isOver = false
  const writers = Array.from({ length: WRITERS }, (_, writer) =>
    write(writer, (writes) => {
      if (writes === WRITES_AROUND) begun++
      return writes >= WRITES_AROUND && writesLeft-- <= 0
    }),
  )
  const storing = storeByPrevious(() => isOver)
  const migrating = async () => {
    while (begun < WRITERS) await sql`select 1`.execute(stores().mysql)
    const done = await withTables(stores(), migrateUp)
    writesLeft = WRITERS * WRITES_AROUND
    return done
  }
  const [done, ...written] = await Promise.all([migrating(), ...writers])
  isOver = true
  expect(done).toHaveLength(2)
  expect(await storing).toBe(0)

  const bodies = new Map(written.flatMap((own) => [...own]))
  const { changes } = await follow(stores(), token)
  expect(changes.map(short).sort()).toEqual(
    ["chat.created 1", ...[...bodies.keys()].map((number) => `message.updated 1/${number}`)].sort(),
  )
  for (const { number, data } of changes)
    if (number !== null) expect(data).toMatchObject({ body: bodies.get(number), ...NONE })
  expect([...bodies.keys()].sort((a, b) => a - b)).toEqual(Array.from(bodies, (_, index) => index + 1))
})

test("its shards, once it is gone: are carried, and go on without a gap", async () => {
  const { data } = expectStatus(await api.listMessages(token, chat, { order: "desc", limit: 1 }), 200)
  await spreadShards(stores())
  expect(await api.givenMessage(token, chat)).toBe(data[0].number + 1)
})
