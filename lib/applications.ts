/** Applications: their rules and their SQL. An application's token is its key everywhere. */
import { randomInt } from "node:crypto"
import type { Selectable } from "kysely"
import type { Mysql } from "./clients/mysql.ts"
import type { Application, Page, PageRequest } from "./contract.ts"
import type { Database } from "./database.ts"
import type { WriteEvent } from "./events.ts"
import { APPLICATION_DEFAULTS, type ApplicationMembers, membersOfApplicationRow } from "./members.ts"
import { compare, type Item, mergedPage, type Window } from "./merged-page.ts"
import { type Created, type Idempotency, idempotencyHash } from "./outbox/idempotency.ts"
import { drawToken, SHARDS } from "./outbox/keys.ts"
import {
  absent,
  isCreation,
  readKnown,
  refuseDeleted,
  type State,
  stateOf,
  timesOf,
  unlessRedisAway,
} from "./outbox/known.ts"
import { atWriter, readStored } from "./stored-reads.ts"
import type { Stores } from "./stores.ts"
import { acceptChange, acceptCreation, type Terms } from "./write/accept.ts"

type ApplicationState = State<ApplicationMembers> & { token: string; chatsCount: number }

/** Returns the application as clients see it. */
export const present = ({ token, members, chatsCount, ...state }: ApplicationState): Application => ({
  token,
  ...members,
  chats_count: chatsCount,
  ...timesOf(state),
})

/** Returns the state that an event leaves of an application's row, if it has one. */
export const fromEvent = (event: WriteEvent, row?: ApplicationState): ApplicationState => ({
  token: event.application,
  chatsCount: row?.chatsCount ?? 0,
  ...stateOf(event, row?.members ?? APPLICATION_DEFAULTS),
})

/** Creates an application. Its token lies in the shard of its idempotency key, so that both are in one Redis slot. */
export async function createApplication(
  stores: Stores,
  state: ApplicationMembers,
  idempotency?: Idempotency,
): Promise<Created<Application>> {
  const application = drawToken(idempotency ? idempotencyHash(idempotency).shard : drawShard(stores))
  const creation = { kind: "application", application, chat: 0, state, idempotency } as const
  const { event, replayed } = await acceptCreation(stores, creation)
  const created = fromEvent(event)
  // A replay gives the first answer again, unless the application has been deleted since.
  const { createdAt } = replayed ? await findApplication(stores, created.token) : created
  return { resource: present({ ...created, createdAt, updatedAt: createdAt }), replayed }
}

/** Returns a shard whose server is connected, so that one that is lost refuses no new application; none if all are. */
function drawShard({ outbox }: Stores): string | undefined {
  const reached = SHARDS.filter(outbox.reaches)
  return reached.length === 0 ? undefined : reached[randomInt(reached.length)]
}

export async function getApplication(stores: Stores, token: string): Promise<Application> {
  return present(await findApplication(stores, token))
}

export async function updateApplication(
  stores: Stores,
  token: string,
  changes: Partial<ApplicationMembers>,
  terms?: Terms<Application>,
): Promise<Application> {
  const key = { application: token, chat: 0, message: 0 }
  const read = () => findApplication(atWriter(stores), token)
  const next = ({ members }: ApplicationState) => ({ ...members, ...changes })
  const { event, found } = await acceptChange(stores, { key, read, present, next }, terms)
  return present(fromEvent(event, found))
}

/** Deletes an application: everything below it is 404 from then on; rows and documents are removed in batches later. */
export async function deleteApplication(stores: Stores, token: string, terms?: Terms<Application>): Promise<void> {
  const key = { application: token, chat: 0, message: 0 }
  const read = () => findApplication(atWriter(stores), token)
  await acceptChange(stores, { key, read, present, next: () => ({ deleted: true }) }, terms)
}

/** Returns the living applications by creation time, then by token. */
export async function listApplications(stores: Stores, request: PageRequest): Promise<Page<Application>> {
  const page = await mergedPage<ApplicationState>(
    {
      async readPending(window) {
        const events = await readPendingOfAllShards(stores, window)
        return events.sort((a, b) => compare(positionOf(a), positionOf(b), window.order)).slice(0, window.count)
      },
      async readRows(window) {
        return (await readStored(stores, (db) => selectApplications(db, window).execute())).map(toItem)
      },
      positionOf,
      valueOf: fromEvent,
    },
    request,
  )
  return { data: page.data.map(present), next: page.next }
}

const positionOf = (event: WriteEvent) => ({ createdAt: event.created_at, key: event.application })

/** Reads all shards in one turn, so in few socket writes; each returns up to `count`, since all may lie in one. */
async function readPendingOfAllShards(stores: Stores, window: Window): Promise<WriteEvent[]> {
  const read = (shard: string) => unlessRedisAway(() => readPendingOfShard(stores, shard, window), [])
  return (await Promise.all(SHARDS.map(read))).flat()
}

async function readPendingOfShard({ outbox }: Stores, shard: string, window: Window): Promise<WriteEvent[]> {
  const { after, order, count } = window
  // Creation times are not unique, so the bound is inclusive, and events not beyond `after` are dropped here.
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
  const { asOf } = known
  if (entry && isCreation(entry)) return { ...fromEvent(entry), asOf }
  const row = await readStored(
    stores,
    (db) => db.selectFrom("applications").selectAll().where("token", "=", token).executeTakeFirst(),
    (found) => found === undefined,
  )
  const item = row && toItem(row)
  if (entry && Number(entry.revision) >= (row?.revision ?? 0)) return { ...fromEvent(entry, item?.value), asOf }
  if (!item) throw absent("application", known)
  return { ...item.value, asOf }
}

/** Returns a row's state. */
export function toItem(row: Selectable<Database["applications"]>): Item<ApplicationState> {
  const { token, chats_count: chatsCount, revision, created_at: createdAt, updated_at: updatedAt } = row
  const value = { token, members: membersOfApplicationRow(row), chatsCount, revision, createdAt, updatedAt }
  return { position: { createdAt: createdAt.getTime(), key: token }, revision, value }
}

/** Selects the page from the index on creation time alone, then its rows by token. */
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
