import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { itemsOf } from "../given-source.ts"
import { discord } from "./discord.ts"
import { matrix } from "./matrix.ts"
import { telegram } from "./telegram.ts"

// An export may be of a version that nobody here has seen: a member of another type must not end the import.
const NAMES = {
  discord: `id type timestamp timestampEdited isPinned content author attachments embeds stickers reactions mentions reference
    forwardedMessage interaction`,
  telegram: `id type date date_unixtime edited edited_unixtime from from_id text reply_to_message_id forwarded_from photo file
    media_type poll todo_list contact_information contact_vcard location_information place_name reactions sticker_emoji action`,
  matrix: `type event_id room_id sender origin_server_ts content unsigned state_key`,
} as const
const TYPES = [
  "m.room.message",
  "m.room.member",
  "m.room.name",
  "m.reaction",
  "m.sticker",
  "message",
  "service",
  "Default",
  "Reply",
]

const membersOf = (names: string) =>
  fc.dictionary(fc.constantFrom(...names.split(/\s+/)), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 12 })
/** Messages that are right as far as needed to get to their other members. */
const messagesOf = (names: string, right: object) =>
  fc.array(
    fc.tuple(membersOf(names), fc.constantFrom(...TYPES), fc.boolean()).map(([members, type, isRight]) => {
      return isRight ? { ...members, ...right, type } : members
    }),
    { maxLength: 5 },
  )

describe("members of any type", () => {
  test("Discord's messages become items", async () => {
    const right = { id: "100", timestamp: "2024-03-10T15:15:00+00:00" }
    await fc.assert(
      fc.asyncProperty(messagesOf(NAMES.discord, right), async (messages) => {
        const file = { guild: {}, channel: { id: "1" }, messages }
        expect((await itemsOf(discord, { "a.json": file })).length).toBeGreaterThanOrEqual(Math.min(messages.length, 1))
      }),
    )
  })

  test("Telegram's messages become an item each", async () => {
    const right = { id: 100, date_unixtime: "1710083700" }
    await fc.assert(
      fc.asyncProperty(messagesOf(NAMES.telegram, right), async (messages) => {
        const file = { name: "Books", type: "private_group", id: 1, messages }
        const items = await itemsOf(telegram, { "result.json": file })
        const places = new Set(items.flatMap((item) => ("at" in item ? [item.at.path] : [])))
        expect(places.size).toBe(messages.length)
      }),
    )
  })

  test("Matrix's events become items", async () => {
    const right = { event_id: "$1", origin_server_ts: 1_700_000_000_000, sender: "@ann:example.org" }
    await fc.assert(
      fc.asyncProperty(messagesOf(NAMES.matrix, right), async (messages) => {
        const items = await itemsOf(matrix, { "export.json": { room_name: "Books", messages } })
        expect(items.at(-1)?.kind).toBe("chat")
      }),
    )
  })
})
