/**
 * Zulip's export, unpacked (https://zulip.readthedocs.io/en/latest/production/export-and-import.html): a folder with
 * realm.json and files of a thousand messages each. They are the tables of its database, and who and where are numbers.
 */
import type { Format, Item, JsonObject, Place, Source, SourceFile } from "../format.ts"
import { BadSource, isObject, json, parts, upToDamage } from "../reading.ts"
import { idOf, listOf, numberOf, objectOf, textOf, timeOf, told } from "../values.ts"

const REALM = "realm.json"
const MESSAGES = /^messages-\d+\.json$/
const SECOND_MS = 1_000

// The types of recipients.
const USER = 1
const CHANNEL = 2
const GROUP = 3

const USERS = ["zerver_userprofile", "zerver_userprofile_crossrealm", "zerver_userprofile_mirrordummy"]
const TABLES = [...USERS, "zerver_stream", "zerver_recipient", "zerver_subscription"]

type Recipient = { type: number; of: string }
type Realm = {
  users: Map<string, string>
  channels: Map<string, JsonObject>
  recipients: Map<string, Recipient>
  /** The users of a group, by its recipient. */
  members: Map<string, string[]>
}

export const zulip: Format = {
  name: "zulip",
  order: "time",

  async detects(source) {
    const names: string[] = []
    for await (const { name } of source.files()) names.push(name)
    return names.includes(REALM) && names.some((name) => MESSAGES.test(name))
  },

  async *read(source, { maxBytes }) {
    const realm = await readRealm(source, maxBytes)
    for (const [id, channel] of realm.channels) yield channelOf(id, channel)
    const directs = new Set<string>()
    for await (const file of source.files())
      if (MESSAGES.test(file.name)) yield* upToDamage(readMessages(file, realm, directs, maxBytes))
  },
}

async function readRealm(source: Source, maxBytes: number): Promise<Realm> {
  const realm: Realm = { users: new Map(), channels: new Map(), recipients: new Map(), members: new Map() }
  let found = false
  for await (const file of source.files()) {
    if (file.name !== REALM) continue
    found = true
    const paths = TABLES.map((table) => `$.${table}.*`)
    for await (const { path, value } of parts(file, paths, maxBytes))
      addRow(realm, String(path[0]), objectOf(value), { file: file.name, path: path.join(".") })
  }
  if (!found) throw new BadSource("is missing", { file: REALM })
  return realm
}

function addRow({ users, channels, recipients, members }: Realm, table: string, row: JsonObject, at: Place): void {
  const id = idOf(row.id)
  if (id === undefined) throw new BadSource("id: is missing", at)
  if (USERS.includes(table)) users.set(id, textOf(row.full_name) ?? textOf(row.email) ?? id)
  else if (table === "zerver_stream") channels.set(id, row)
  else if (table === "zerver_recipient")
    recipients.set(id, { type: numberOf(row.type) ?? 0, of: idOf(row.type_id) ?? "" })
  else {
    const recipient = idOf(row.recipient) ?? ""
    members.set(recipient, [...(members.get(recipient) ?? []), idOf(row.user_profile) ?? ""])
  }
}

function channelOf(id: string, { name, description, invite_only, deactivated }: JsonObject): Item {
  const kind = invite_only === true ? "private channel" : "public channel"
  const metadata = told({ source: "zulip", source_id: id, kind, purpose: description, archived: deactivated })
  return { kind: "chat", chat: id, name: textOf(name) ?? null, metadata }
}

async function* readMessages(
  file: SourceFile,
  realm: Realm,
  directs: Set<string>,
  maxBytes: number,
): AsyncGenerator<Item> {
  const page = await json(file, maxBytes)
  if (!isObject(page) || !Array.isArray(page.zerver_message))
    throw new BadSource("zerver_message: is missing", { file: file.name })
  const reactions = reactionsIn(page, realm)
  for (const [index, message] of page.zerver_message.entries()) {
    const at = { file: file.name, path: `zerver_message[${index}]` }
    try {
      if (!isObject(message)) throw new BadSource("is not a message", at)
      yield* itemsOf(message, { realm, directs, reactions, at })
    } catch (error) {
      if (!(error instanceof BadSource)) throw error
      yield { kind: "problem", why: error.message, at: error.at }
    }
  }
}

type Reactions = Map<string, Map<string, string[]>>

/** Returns the reactions of a file by message and emoji, with who gave them. */
function reactionsIn(page: JsonObject, { users }: Realm): Reactions {
  const found: Reactions = new Map()
  for (const row of listOf(page.zerver_reaction)) {
    const { message, emoji_name, user_profile } = objectOf(row)
    const of = found.get(idOf(message) ?? "") ?? new Map<string, string[]>()
    const name = textOf(emoji_name) ?? ""
    const user = idOf(user_profile) ?? ""
    of.set(name, [...(of.get(name) ?? []), users.get(user) ?? user])
    found.set(idOf(message) ?? "", of)
  }
  return found
}

type Reading = { realm: Realm; directs: Set<string>; reactions: Reactions; at: Place }

function* itemsOf(message: JsonObject, { realm, directs, reactions, at }: Reading): Generator<Item> {
  const id = idOf(message.id)
  const sender = idOf(message.sender)
  const recipient = realm.recipients.get(idOf(message.recipient) ?? "")
  const sent = numberOf(message.date_sent)
  if (id === undefined || sender === undefined) throw new BadSource("id or sender: is missing", at)
  if (recipient === undefined) throw new BadSource("recipient: there is none with this id", at)
  if (sent === undefined) throw new BadSource("date_sent: is not a time", at)
  const members = membersOf(message, sender, recipient, realm)
  const chat = members === undefined ? recipient.of : `@${members.join(",")}`
  if (members !== undefined && !directs.has(chat)) {
    directs.add(chat)
    yield directOf(chat, members, realm)
  }
  const edited = numberOf(message.last_edit_time)
  const given = [...(reactions.get(id) ?? [])]
  const metadata = told({
    source_id: id,
    sender_name: realm.users.get(sender),
    topic: message.subject,
    edited_at: edited === undefined ? undefined : timeOf(Math.round(edited * SECOND_MS)),
    reactions: given.map(([name, users]) => ({ name, users, count: users.length })),
  })
  const sentAt = timeOf(Math.round(sent * SECOND_MS)) ?? null
  yield { kind: "message", chat, id, body: textOf(message.content) ?? "", sender, sentAt, metadata, at }
}

/** Returns who a direct message is among, in order; undefined for one in a channel. */
function membersOf(
  { recipient }: JsonObject,
  sender: string,
  { type, of }: Recipient,
  realm: Realm,
): string[] | undefined {
  if (type === CHANNEL) return undefined
  const members =
    type === USER ? [sender, of] : type === GROUP ? (realm.members.get(idOf(recipient) ?? "") ?? [sender]) : [sender]
  return [...new Set(members)].sort((a, b) => Number(a) - Number(b))
}

function directOf(chat: string, members: string[], { users }: Realm): Item {
  const kind = members.length > 2 ? "group direct message" : "direct message"
  const name = members.map((member) => users.get(member) ?? member).join(", ")
  return { kind: "chat", chat, name, metadata: told({ source: "zulip", source_id: chat, kind }) }
}
