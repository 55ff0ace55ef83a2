// Compares rows with documents, and rows with lists, field by field.
import { isDeepStrictEqual } from "node:util"
import { answered } from "../../lib/members.ts"
import { fold } from "../../lib/search/folding/fold.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { Client } from "../load/client.ts"
import type { Verdict } from "./checks.ts"
import {
  type ApplicationRow,
  type ChatRow,
  get,
  type Listed,
  listAll,
  type MessageRow,
  type ReadDocument,
  readDocuments,
} from "./inventory.ts"

/** Returns the names of the fields in which two records differ. */
function differing(a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !isDeepStrictEqual(a[name], b[name]))
}

function differenceOf(token: string, row: MessageRow, document: ReadDocument): string[] {
  const { chat, revision, ...rest } = row
  const effective_at = row.sent_at ?? row.created_at
  const place = { application: token, chat_key: `${token}/${chat}`, chat_number: chat }
  const expected = { ...place, ...rest, effective_at, folded_body: fold(row.body) }
  return differing({ ...expected, version: revision }, { ...document.source, version: document.version })
}

/** Checks that every row has its document, with its revision as version, and that there are no other documents. */
export async function compareDocuments(
  stores: SearchStores,
  token: string,
  messages: MessageRow[],
  verdict: Verdict,
): Promise<void> {
  const documents = new Map((await readDocuments(stores, token)).map((document) => [document.id, document]))
  for (const row of messages) {
    const id = `${token}/${row.chat}/${row.number}`
    const document = documents.get(id)
    documents.delete(id)
    if (!document) verdict.fail("row and document differ", `${id} has no document`)
    else {
      const fields = differenceOf(token, row, document)
      if (fields.length > 0) verdict.fail("row and document differ", `${id} differs in ${fields.join(", ")}`)
    }
  }
  for (const id of documents.keys()) verdict.fail("row and document differ", `the document ${id} has no row`)
}

/** Checks that a list has exactly the rows, in their order. Counts are left to findWrongCounts. */
function compareList(
  rows: Record<string, unknown>[],
  listed: Listed[] | undefined,
  where: string,
  verdict: Verdict,
): void {
  if (!listed) {
    verdict.fail("row and list differ", `${where} answers 404, but has ${rows.length} rows`)
    return
  }
  const counts = { chats_count: undefined, messages_count: undefined }
  const length = Math.max(rows.length, listed.length)
  for (let index = 0; index < length; index++) {
    const [row, item] = [rows[index], listed[index]]
    const fields = differing({ ...row, ...counts }, { ...item, ...counts })
    if (fields.length === 0) continue
    const shown = `${row?.number ?? row?.token ?? "no row"} is listed as ${item?.number ?? item?.token ?? "nothing"}`
    verdict.fail("row and list differ", `${where}: ${shown}, differs in ${fields.join(", ")}`)
    // All that follows would be shifted.
    if (row?.number !== item?.number || row?.token !== item?.token) return
  }
}

/** Checks that the listed applications whose names begin with `prefix` are exactly the rows. */
export async function compareApplications(
  client: Client,
  rows: ApplicationRow[],
  prefix: string,
  verdict: Verdict,
): Promise<void> {
  const listed = (await listAll(client, "/applications"))?.filter(({ name }) => name?.startsWith(prefix))
  const position = ({ created_at, token }: ApplicationRow) => `${created_at} ${token}`
  const sorted = rows.toSorted((a, b) => (position(a) < position(b) ? -1 : 1))
  compareList(sorted, listed, "/applications", verdict)
}

type Rows = { application: ApplicationRow | undefined; chats: ChatRow[]; messages: MessageRow[] }

/** Checks that clients see an application, its chats and its messages as they are in the rows. */
export async function compareLists(client: Client, token: string, rows: Rows, verdict: Verdict): Promise<void> {
  const path = `/applications/${token}`
  const application = await get<Listed>(client, path)
  const { application: row, chats, messages } = rows
  if (!row) {
    if (application) verdict.fail("row and list differ", `${path} is answered, but has no row`)
    return
  }
  const fields = differing({ ...row, chats_count: undefined }, { ...application, chats_count: undefined })
  if (fields.length > 0) verdict.fail("row and list differ", `${path} differs in ${fields.join(", ")}`)
  const listed = await listAll(client, `${path}/chats`)
  compareList(chats.map(answered), listed, `${path}/chats`, verdict)
  const byChat = Map.groupBy(messages, ({ chat }) => chat)
  for (const { number } of chats) {
    const below = (byChat.get(number) ?? []).map(({ chat: _chat, revision: _revision, ...listed }) => answered(listed))
    const at = `${path}/chats/${number}/messages`
    compareList(below, await listAll(client, at), at, verdict)
  }
}

/** Returns a line for each count that differs from the number of rows. */
export async function findWrongCounts(stores: SearchStores, client: Client, tokens: string[]): Promise<string[]> {
  const wrong: string[] = []
  for (const token of tokens) {
    const path = `/applications/${token}`
    const [application, chats] = await Promise.all([get<Listed>(client, path), listAll(client, `${path}/chats`)])
    if (!application) continue
    const living = await countRows(stores, token)
    if (application.chats_count !== living.chats) {
      wrong.push(`${path}: chats_count ${application.chats_count}, rows ${living.chats}`)
    }
    for (const { number = 0, messages_count: counted } of chats ?? []) {
      const rows = living.messages.get(number) ?? 0
      if (counted !== rows) wrong.push(`${path}/chats/${number}: messages_count ${counted}, rows ${rows}`)
    }
  }
  return wrong
}

async function countRows(
  { mysql }: SearchStores,
  token: string,
): Promise<{ chats: number; messages: Map<number, number> }> {
  const { rows } = await mysql
    .selectFrom("chats")
    .select((eb) => eb.fn.countAll<number>().as("rows"))
    .where("application", "=", token)
    .executeTakeFirstOrThrow()
  const below = await mysql
    .selectFrom("messages")
    .select(["chat", (eb) => eb.fn.countAll<number>().as("rows")])
    .where("application", "=", token)
    .groupBy("chat")
    .execute()
  return { chats: Number(rows), messages: new Map(below.map(({ chat, rows: count }) => [chat, Number(count)])) }
}
