/**
 * Mattermost's bulk export (https://docs.mattermost.com/administration-guide/manage/bulk-export-tool), a file of lines of
 * JSON or the zip with it: https://docs.mattermost.com/onboard/bulk-loading-data-format. It has no ids, so a post is known
 * by its author and time. Replies stand in their post, and posts in any order.
 */
import type { Format, Item, JsonObject, Place, SourceFile } from "../format.ts"
import { BadSource, head, isObject, lines, parsed, upToDamage } from "../reading.ts"
import { attachedText, numberOf, objectOf, objectsOf, textOf, textsOf, timeOf, told } from "../values.ts"

const LINES = /\.jsonl?$/

export const mattermost: Format = {
  name: "mattermost",
  order: "time",

  async detects(source) {
    for await (const file of source.files())
      if (isLines(file) && /^\uFEFF?\s*\{\s*"type"\s*:\s*"version"/.test(await head(file))) return true
    return false
  },

  async *read(source, { maxBytes }) {
    let found = false
    for await (const file of source.files()) {
      if (isLines(file)) yield* upToDamage(readLines(file, maxBytes))
      else
        yield {
          kind: "left-out",
          what: "file",
          why: "files are not imported; their messages name them",
          at: { file: file.name },
        }
      found ||= isLines(file)
    }
    if (!found) throw new BadSource("there is no .jsonl file", { file: "" })
  },
}

/** The lines stand at the top of the zip; attachments may have any name below it. */
const isLines = ({ name }: SourceFile): boolean => LINES.test(name) && !name.includes("/")

type Names = Map<string, string>
/** What a post is in. */
type In = { chat: string; names: Names; at: Place }

async function* readLines(file: SourceFile, maxBytes: number): AsyncGenerator<Item> {
  const names: Names = new Map()
  const directs = new Set<string>()
  for await (const { line, text } of lines(file, maxBytes)) {
    const at = { file: file.name, line }
    try {
      const value = parsed(text, at)
      if (!isObject(value)) throw new BadSource("is not a JSON object", at)
      yield* itemsOf(value, { names, directs, at })
    } catch (error) {
      if (!(error instanceof BadSource)) throw error
      yield { kind: "problem", why: error.message, at: error.at }
    }
  }
}

type Reading = { names: Names; directs: Set<string>; at: Place }

function* itemsOf(line: JsonObject, { names, directs, at }: Reading): Generator<Item> {
  const { type } = line
  if (type === "user") addUser(names, objectOf(line.user))
  else if (type === "channel") yield channelOf(objectOf(line.channel), at)
  else if (type === "direct_channel") yield* directOf(membersOf(objectOf(line.direct_channel)), directs, names, at)
  else if (type === "post") {
    const post = objectOf(line.post)
    yield* postOf(post, { chat: channelId(textOf(post.team), textOf(post.channel), at), names, at })
  } else if (type === "direct_post") {
    const post = objectOf(line.direct_post)
    const members = textsOf(post.channel_members).sort()
    yield* directOf(members, directs, names, at)
    yield* postOf(post, { chat: directId(members), names, at })
  } else if (typeof type !== "string") throw new BadSource("type: is missing", at)
  else if (type === "emoji") yield { kind: "left-out", what: "emoji", why: "only chats and messages are imported", at }
}

function addUser(names: Names, user: JsonObject): void {
  const username = textOf(user.username)
  if (username === undefined) return
  const full = [textOf(user.first_name), textOf(user.last_name)].filter((part) => part !== undefined).join(" ")
  names.set(username, textOf(user.nickname) ?? (full || username))
}

function channelId(team: string | undefined, channel: string | undefined, at: Place): string {
  if (team === undefined || channel === undefined) throw new BadSource("team or channel: is missing", at)
  return `${team}/${channel}`
}

function channelOf(channel: JsonObject, at: Place): Item {
  const { team, name, display_name, type, header, purpose } = channel
  const chat = channelId(textOf(team), textOf(name), at)
  const kind = type === "P" ? "private channel" : "public channel"
  const metadata = told({ source: "mattermost", source_id: chat, kind, topic: header, purpose })
  return { kind: "chat", chat, name: textOf(display_name) ?? textOf(name) ?? null, metadata }
}

/** Returns the members of a direct channel: names, or objects in newer exports. */
function membersOf({ members, participants }: JsonObject): string[] {
  const named = objectsOf(participants).map(({ username }) => textOf(username))
  return [...textsOf(members), ...named.filter((name) => name !== undefined)].sort()
}

const directId = (members: string[]): string => `@${members.join(",")}`

function* directOf(members: string[], directs: Set<string>, names: Names, at: Place): Generator<Item> {
  if (members.length === 0) throw new BadSource("the members are missing", at)
  const chat = directId(members)
  if (directs.has(chat)) return
  directs.add(chat)
  const kind = members.length > 2 ? "group direct message" : "direct message"
  const name = members.map((member) => names.get(member) ?? member).join(", ")
  yield { kind: "chat", chat, name, metadata: told({ source: "mattermost", source_id: chat, kind }) }
}

/** Yields a post and its replies. */
function* postOf(post: JsonObject, { chat, names, at }: In): Generator<Item> {
  const root = messageOf(post, undefined, { chat, names, at })
  yield root.item
  for (const [index, reply] of objectsOf(post.replies).entries())
    yield messageOf(reply, root.id, { chat, names, at: { ...at, path: `replies[${index}]` } }).item
}

function messageOf(post: JsonObject, thread: string | undefined, { chat, names, at }: In): { id: string; item: Item } {
  const created = numberOf(post.create_at)
  const sentAt = timeOf(created)
  if (sentAt === undefined) throw new BadSource("create_at: is not a time", at)
  const sender = textOf(post.user)
  const id = `${sender ?? ""}@${created}`
  const type = textOf(post.type) ?? ""
  if (type.startsWith("system_"))
    return { id, item: { kind: "left-out", what: "notice", why: `${type}: Mattermost's own notice`, at } }
  const edited = numberOf(post.edit_at)
  const props = objectOf(post.props)
  const metadata = told({
    source_id: id,
    sender_name: textOf(props.override_username) ?? (sender === undefined ? undefined : names.get(sender)),
    thread_id: thread,
    edited_at: edited === undefined || edited === 0 ? undefined : timeOf(edited),
    pinned: post.is_pinned,
    kind: type,
    files: objectsOf(post.attachments).map(({ path }) => told({ name: textOf(path)?.split("/").at(-1), path })),
    reactions: reactionsOf(objectsOf(post.reactions)),
  })
  const body = textOf(post.message) ?? attachedText(props.attachments)
  return { id, item: { kind: "message", chat, id, body, sender: sender ?? null, sentAt, metadata, at } }
}

/** Returns reactions by emoji, with who gave them. */
function reactionsOf(reactions: JsonObject[]): JsonObject[] {
  const users = new Map<string, string[]>()
  for (const { emoji_name, user } of reactions) {
    const name = textOf(emoji_name)
    if (name !== undefined) users.set(name, [...(users.get(name) ?? []), textOf(user) ?? ""])
  }
  return [...users].map(([name, given]) => ({ name, users: given, count: given.length }))
}
