import { expect, test } from "@jest/globals"
import { MESSAGE_DEFAULTS } from "../../members.ts"
import { compare } from "./compare-documents.ts"

const HOUR_US = 3_600_000_000
const inAnHour = Date.now() * 1_000 + HOUR_US
const at = new Date(0)
const members = { ...MESSAGE_DEFAULTS, body: "x" }
const row = { application: "a", chat: 1, number: 2, created_at: at, updated_at: at }
const columns = { ...members, sender: null, sent_at: null }
const time = at.toISOString()
const times = { created_at: time, updated_at: time, effective_at: time }
const source = { application: "a", chat_key: "a/1", chat_number: 1, number: 2, ...members, ...times, folded_body: "x" }

test.each([
  ["of its row, by a clock that has been set back since", inAnHour, inAnHour, undefined],
  ["an hour beyond its row and the clock", 5, inAnHour, "stale_document"],
  ["a little beyond its row", 5, 6, undefined],
  ["before its row", 6, 5, "stale_document"],
])("a document of a version %s: is judged by row and clock", (_, revision, version, difference) => {
  expect(compare({ ...row, ...columns, revision }, { version, source })).toBe(difference)
})

test("a document that was folded otherwise: is stale", () => {
  const folded = { ...source, folded_body: "y" }
  expect(compare({ ...row, ...columns, revision: 5 }, { version: 5, source: folded })).toBe("stale_document")
})
