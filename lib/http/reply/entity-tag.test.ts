import { describe, expect, test } from "@jest/globals"
import type { Chat, Message } from "../../contract.ts"
import { entityTag, found, ifMatch } from "./entity-tag.ts"

const TIME = "2026-11-28T12:00:00.000Z"
const times = { created_at: TIME, updated_at: TIME }
const message: Message = { number: 1, body: "x", sender: null, metadata: {}, sent_at: null, ...times }
const chat: Chat = { number: 1, name: null, metadata: {}, messages_count: 4, ...times }
const tag = entityTag(message)
const OTHER = '"other"'

describe("an entity tag", () => {
  test("of a resource, is strong, short and the same again", () => {
    expect(tag).toMatch(/^"[A-Za-z0-9_-]{22}"$/)
    expect(entityTag({ ...message })).toBe(tag)
  })

  test.each([
    ["body", { body: "y" }],
    ["sender", { sender: "x" }],
    ["metadata", { metadata: { a: 1 } }],
    ["time", { updated_at: "2026-11-28T12:00:00.001Z" }],
    ["number", { number: 2 }],
  ])("of a resource with another %s, differs", (_what, change) => {
    expect(entityTag({ ...message, ...change })).not.toBe(tag)
  })

  test("of a resource whose count moved, differs only in its end", () => {
    expect(entityTag({ ...chat, messages_count: 5 })).toBe(entityTag(chat).replace(/\.4"$/, '.5"'))
  })
})

const holds = (header: string, current: Message | Chat = message): boolean => {
  try {
    ifMatch({ "if-match": header })?.(current)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: "precondition_failed" })
    return false
  }
}

describe("If-Match", () => {
  test.each([tag, "*", " * ", `${OTHER}, ${tag}`, `${OTHER},${tag}`, `W/"a", ${tag}`, `"a,b" , ${tag},`])(
    "%s, compared with the resource's tag, holds",
    (header) => {
      expect(holds(header)).toBe(true)
    },
  )

  test.each([
    OTHER,
    `W/${tag}`,
    "",
    tag.slice(1, -1),
    `${tag.slice(0, -1)}.1`,
    `"${tag}"x`.replaceAll('""', '"-"'),
    '"*"',
  ])("%s, compared with the resource's tag, does not hold", (header) => {
    expect(holds(header)).toBe(false)
  })

  test("of a chat whose count moved, holds", () => {
    expect(holds(entityTag(chat), { ...chat, messages_count: 5 })).toBe(true)
    expect(holds(entityTag(chat), { ...chat, name: "x" })).toBe(false)
  })

  test("that is not sent, demands nothing", () => {
    expect(ifMatch({})).toBeUndefined()
  })
})

describe("If-None-Match", () => {
  test.each([tag, `W/${tag}`, "*", `${OTHER}, ${tag}`])(
    "%s, with the resource's tag, answers 304 without a body",
    (known) => {
      expect(found(message, { "if-none-match": known })).toEqual({ status: 304, headers: { etag: tag } })
    },
  )

  test.each([OTHER, "", 'W/"x"'])("%s, without the resource's tag, answers 200 with it", (known) => {
    const reply = found(message, { "if-none-match": known })
    expect([reply.status, reply.body, reply.headers.etag]).toEqual([200, JSON.stringify(message), tag])
  })

  test("of a chat whose count moved, answers 200", () => {
    expect(found({ ...chat, messages_count: 5 }, { "if-none-match": entityTag(chat) }).status).toBe(200)
    expect(found(chat, { "if-none-match": entityTag(chat) }).status).toBe(304)
  })
})
