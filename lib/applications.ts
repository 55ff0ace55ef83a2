/** Applications: their rules and their SQL. An application's token is its key everywhere. */
import { type Mysql, readMysql } from "./clients/mysql.ts"
import type { Application, ApplicationInput, Page, PageRequest } from "./contract.ts"
import { revisionTime, type WriteEvent } from "./events.ts"
import { compare, type Item, mergedPage, type Window } from "./merged-page.ts"
import { acceptChange, acceptCreation } from "./outbox/accept.ts"
import { type Created, fingerprint, type Idempotency, idempotencyHash } from "./outbox/idempotency.ts"
import { drawToken, SHARDS } from "./outbox/keys.ts"
import { absent, readKnown, refuseDeleted, type State, stateOf, unlessRedisAway } from "./outbox/known.ts"
import type { Stores } from "./stores.ts"

type ApplicationState = State & { token: string; name: string; chatsCount: number }

const present = ({
  token,
  name,
  chatsCount,
  createdAt,
  updatedAt,
}: Omit<ApplicationState, "revision">): Application => ({
  token,
  name,
  chats_count: chatsCount,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

const fromEvent = (event: WriteEvent, row?: ApplicationState): ApplicationState => ({
  token: event.application,
  name: event.name ?? "",
  chatsCount: row?.chatsCount ?? 0,
  ...stateOf(event),
})

/** Creates an application; its token lies in the shard of its idempotency key, so that both are in one slot of Redis. */
export async function createApplication(
  stores: Stores,
  input: ApplicationInput,
  idempotency?: Idempotency,
): Promise<Created<Application>> {
  const state = { name: input.name }
  const accepted = await acceptCreation(stores, {
    kind: "application",
    application: drawToken(idempotency && idempotencyHash(idempotency).shard),
    chat: 0,
    state,
    ...(idempotency ? { idempotency: { ...idempotency, fingerprint: fingerprint(state) } } : {}),
  })
  const application = accepted.id
  // The same answer again, unless the application has been deleted since.
  const createdAt = accepted.replayed
    ? (await findApplication(stores, application)).createdAt
    : revisionTime(accepted.revision)
  const created = { token: application, ...state, chatsCount: 0, createdAt, updatedAt: createdAt }
  return { resource: present(created), replayed: accepted.replayed }
}

export async function getApplication(stores: Stores, token: string): Promise<Application> {
  return present(await findApplication(stores, token))
}

export async function updateApplication(
  stores: Stores,
  token: string,
  { name }: ApplicationInput,
): Promise<Application> {
  const found = await findApplication(stores, token)
  const key = { application: token, chat: 0, message: 0 }
  const change = { key, createdAt: found.createdAt.getTime(), revision: found.revision, state: { name } }
  return present(fromEvent(await acceptChange(stores, change), found))
}

/** Deletes an application: all below it answers 404 from then on; rows and documents go in batches later. */
export async function deleteApplication(stores: Stores, token: string): Promise<void> {
  const { createdAt, revision } = await findApplication(stores, token)
  const key = { application: token, chat: 0, message: 0 }
  await acceptChange(stores, { key, createdAt: createdAt.getTime(), revision, state: { deleted: true } })
}

/** The living applications, by creation (then by token). */
export async function listApplications(stores: Stores, request: PageRequest): Promise<Page<Application>> {
  const page = await mergedPage<ApplicationState>(
    {
      async readPending(window) {
        const events = await unlessRedisAway(() => readPendingOfAllShards(stores, window), [])
        return events.sort((a, b) => compare(positionOf(a), positionOf(b), window.order)).slice(0, window.count)
      },
      async readRows(window) {
        return (await readMysql(() => selectApplications(stores.mysql, window).execute())).map(toItem)
      },
      positionOf,
      valueOf: fromEvent,
    },
    request,
  )
  return { data: page.data.map(present), next: page.next }
}

const positionOf = (event: WriteEvent) => ({ createdAt: event.created_at, key: event.application })

/** All shards in one turn, so in a few writes; each answers `count` or all that it has, since all of them may lie in one. */
async function readPendingOfAllShards(stores: Stores, window: Window): Promise<WriteEvent[]> {
  return (await Promise.all(SHARDS.map((shard) => readPendingOfShard(stores, shard, window)))).flat()
}

async function readPendingOfShard({ outbox }: Stores, shard: string, window: Window): Promise<WriteEvent[]> {
  const { after, order, count } = window
  // Creation times are not unique, so the bound is inclusive, and what is not beyond it is left out here.
  const bound = after?.createdAt === undefined ? undefined : String(after.createdAt)
  const min = order === "asc" && bound !== undefined ? bound : "-inf"
  const max = order === "desc" && bound !== undefined ? bound : "+inf"
  for (let asked = count; ; asked *= 2) {
    const { entries } = await outbox.readPending(shard, "", 0, [], { min, max, order, count: asked })
    const beyond = entries.filter((event) => after === undefined || compare(positionOf(event), after, order) > 0)
    if (beyond.length >= count || entries.length < asked) return beyond
  }
}

async function findApplication(stores: Stores, token: string): Promise<ApplicationState> {
  const known = await readKnown(stores, [{ application: token, chat: 0, message: 0 }])
  refuseDeleted(["application"], known.entries)
  const [entry] = known.entries
  if (entry && Math.floor(Number(entry.revision) / 1000) === entry.created_at) return fromEvent(entry)
  const row = await readMysql(() =>
    stores.mysql.selectFrom("applications").selectAll().where("token", "=", token).executeTakeFirst(),
  )
  const item = row && toItem(row)
  if (entry && Number(entry.revision) >= (row?.revision ?? 0)) return fromEvent(entry, item?.value)
  if (!item) throw absent("application", known)
  return item.value
}

type ApplicationRow = {
  token: string
  name: string
  chats_count: number
  revision: number
  created_at: Date
  updated_at: Date
}

function toItem({
  token,
  name,
  chats_count,
  revision,
  created_at,
  updated_at,
}: ApplicationRow): Item<ApplicationState> {
  const value = { token, name, chatsCount: chats_count, revision, createdAt: created_at, updatedAt: updated_at }
  return { position: { createdAt: created_at.getTime(), key: token }, revision, value }
}

/** A range of the index by creation, which alone decides the page; then its rows by token. */
function selectApplications(db: Mysql, { after, order, count }: Window) {
  let page = db
    .selectFrom("applications")
    .select("token")
    .orderBy("created_at", order)
    .orderBy("token", order)
    .limit(count)
  if (after?.createdAt !== undefined) {
    const createdAt = new Date(after.createdAt)
    const [beyond, from] = order === "asc" ? ([">", ">="] as const) : (["<", "<="] as const)
    // The redundant first condition gives the optimizer a range of the index.
    page = page
      .where("created_at", from, createdAt)
      .where((eb) =>
        eb.or([
          eb("created_at", beyond, createdAt),
          eb.and([eb("created_at", "=", createdAt), eb("token", beyond, String(after.key))]),
        ]),
      )
  }
  return db
    .selectFrom(page.as("page"))
    .innerJoin("applications as a", "a.token", "page.token")
    .selectAll("a")
    .orderBy("a.created_at", order)
    .orderBy("a.token", order)
}
