import { expect, test } from "@jest/globals"
import * as fc from "fast-check"
import { IndexEvent, NewerEvent } from "../events.ts"
import { packEvents, splitBytes, splitEvents, unpackEvents, unsplitEvents } from "./packs.ts"
import { decoder } from "./queue.ts"

const APPLICATION = "a".repeat(24)
const ORIGINS = [undefined, { request_id: "one" }, { request_id: "two", traceparent: "00-1-2-01" }]

const Event = fc.record(
  {
    revision: fc.nat().map((number) => `${number + 1}`),
    chat: fc.integer({ min: 0, max: 2 }),
    message: fc.nat(),
    created_at: fc.integer({ min: 1, max: 2 }),
    body: fc.string({ unit: "grapheme" }),
    origin: fc.constantFrom(...ORIGINS),
    deleted: fc.constant(true),
    unheard_of: fc.jsonValue(),
  },
  { requiredKeys: ["revision", "chat", "message"] },
)
const Events = fc.array(
  Event.map((event) => ({ application: APPLICATION, ...event })),
  { minLength: 1, maxLength: 20 },
)

const sent = (body: string) => unpackEvents(JSON.parse(body) as unknown[])
/** As JSON has it: without members that are undefined. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test("events, packed and unpacked: are what they were, in their order, within the bytes that were counted", () => {
  void fc.assert(
    fc.property(Events, (events) => {
      const split = splitEvents(events)
      const body = packEvents(APPLICATION, split)
      expect(sent(body)).toEqual(asJson(events))
      const counted = split.reduce((sum, one, index) => sum + splitBytes(one, split[index - 1]), 0)
      // What surrounds all of them.
      expect(Buffer.byteLength(body)).toBeLessThan(counted + 150)
    }),
  )
})

test("events of several applications: are not packed", () => {
  const events = [{ application: "a" }, { application: "b", chat: 1 }]
  expect(JSON.parse(packEvents("group", unsplitEvents(events)))).toEqual(events)
})

test("a lone event: is not packed", () => {
  const event = { application: APPLICATION, revision: "5", chat: 1, message: 2 }
  expect(JSON.parse(packEvents(APPLICATION, splitEvents([event])))).toEqual([event])
})

test("characters that SQS refuses: are escaped wherever they are", () => {
  const events = [1, 2].map((message) => ({ application: "\uFFFE", body: "\uFFFF", origin: "\uFFFE", message }))
  const body = packEvents("\uFFFE", splitEvents(events))
  expect(body).not.toMatch(/[\uFFFE\uFFFF]/)
  expect(sent(body)).toEqual(events)
})

test("what events share: is written once", () => {
  const events = [1, 2, 3].map((message) => ({
    ...{ application: APPLICATION, chat: 7, created_at: 5, origin: ORIGINS[1], message, revision: `${message}` },
  }))
  const body = packEvents(APPLICATION, splitEvents(events))
  for (const once of [APPLICATION, '"chat":7', "created_at", "request_id"]) expect(body.split(once)).toHaveLength(2)
})

test("a pack: is one event of a newer version for a release that knows none, with a key that names nothing", () => {
  const events = [1, 2].map((message) => ({ application: APPLICATION, chat: 1, message, revision: "9" }))
  const [pack] = JSON.parse(packEvents(APPLICATION, splitEvents(events))) as [unknown]
  const key = { application: APPLICATION, chat: 0, message: 1, revision: "1" }
  expect(NewerEvent.parse(pack)).toMatchObject({ v: 3, ...key, runs: expect.any(Array) })
})

test.each([
  ["whose runs are no list", { runs: 1 }],
  ["with a run without events", { runs: [{ chat: 1 }] }],
  ["with a run that is null", { runs: [null] }],
  ["with an event that is no event", { runs: [{ chat: 1, events: [{ revision: "1" }] }] }],
])("a pack %s: is unreadable", (_, wrong) => {
  const pack = { v: 3, revision: "1", application: APPLICATION, chat: 0, message: 1, ...wrong }
  expect(decoder(IndexEvent)(JSON.stringify([pack]))).toBeUndefined()
})
