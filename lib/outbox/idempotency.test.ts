// Which bodies are the same for an Idempotency-Key: the table in docs/embed.md.
import { describe, expect, test } from "@jest/globals"
import { ChatInput, MessageBatchInput, MessageInput } from "../contract.ts"
import { parseKept } from "../kept-json.ts"
import { fingerprint } from "./idempotency.ts"

const ofMessage = (json: string): string => fingerprint(MessageInput.parse(parseKept(json)))
const ofChat = (json: string): string => fingerprint(ChatInput.parse(parseKept(json)))
const ofBatch = (json: string): string => fingerprint(...MessageBatchInput.parse(parseKept(json)).messages)

type Case = [what: string, of: (json: string) => string, one: string, other: string]

const SAME: Case[] = [
  [
    "white space in the JSON",
    ofMessage,
    '{"body":"a","metadata":{"b":1}}',
    '{ "body": "a",\n "metadata": { "b" : 1 } }',
  ],
  ["the order of members", ofMessage, '{"body":"a","sender":"b"}', '{"sender":"b","body":"a"}'],
  ["escapes", ofMessage, '{"body":"ä"}', '{"body":"\\u00e4"}'],
  ["null and nothing", ofMessage, '{"body":"a"}', '{"body":"a","sender":null,"sent_at":null}'],
  ["no metadata and {}", ofMessage, '{"body":"a"}', '{"body":"a","metadata":{}}'],
  ["unknown members", ofMessage, '{"body":"a"}', '{"body":"a","colour":"red"}'],
  [
    "one millisecond",
    ofMessage,
    '{"body":"a","sent_at":"2026-11-01T08:00:00+01:00"}',
    '{"body":"a","sent_at":"2026-11-01T07:00:00.0009Z"}',
  ],
  ["white space around a name", ofChat, '{"name":"a"}', '{"name":"  a "}'],
  ["a chat of no members", ofChat, "{}", '{"name":null,"metadata":{}}'],
]

const DIFFERENT: Case[] = [
  ["a space in a text", ofMessage, '{"body":"a"}', '{"body":"a "}'],
  ["NFC and NFD", ofMessage, '{"body":"\\u00e4"}', '{"body":"a\\u0308"}'],
  ["a space in a sender", ofMessage, '{"body":"a","sender":"b"}', '{"body":"a","sender":"b "}'],
  [
    "two milliseconds",
    ofMessage,
    '{"body":"a","sent_at":"2026-11-01T07:00:00Z"}',
    '{"body":"a","sent_at":"2026-11-01T07:00:00.001Z"}',
  ],
  [
    "metadata in another order",
    ofMessage,
    '{"body":"a","metadata":{"b":1,"c":2}}',
    '{"body":"a","metadata":{"c":2,"b":1}}',
  ],
  ["digits of a number in metadata", ofMessage, '{"body":"a","metadata":{"b":1}}', '{"body":"a","metadata":{"b":1.0}}'],
  ["null inside metadata", ofMessage, '{"body":"a"}', '{"body":"a","metadata":{"b":null}}'],
  [
    "a batch in another order",
    ofBatch,
    '{"messages":[{"body":"a"},{"body":"b"}]}',
    '{"messages":[{"body":"b"},{"body":"a"}]}',
  ],
]

describe("the fingerprint of a creation's body", () => {
  test.each(SAME)("%s: is the same", (_what, of, one, other) => {
    expect(of(other)).toBe(of(one))
  })

  test.each(DIFFERENT)("%s: are different", (_what, of, one, other) => {
    expect(of(other)).not.toBe(of(one))
  })
})
