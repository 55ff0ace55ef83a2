import { describe, expect, test } from "@jest/globals"
import { QUEUE_VARIABLES } from "../lib/queue/queues.ts"
import { stageConfig } from "./stage.ts"

const OUTPUTS = {
  PersistQueueUrl: "https://sqs.eu-central-1.amazonaws.com/123456789012/persist",
  PersistDeadLetterQueueUrl: "https://sqs.eu-central-1.amazonaws.com/123456789012/persist-dead",
  IndexQueueUrl: "https://sqs.eu-central-1.amazonaws.com/123456789012/index",
  IndexDeadLetterQueueUrl: "https://sqs.eu-central-1.amazonaws.com/123456789012/index-dead",
}
const VALUES = {
  MYSQL_URL: "mysql://chat:secret@mysql.internal/chat",
  REDIS_URL: "rediss://redis.internal:6379",
  ELASTICSEARCH_URL: "https://search.internal",
  ADMIN_API_KEY: "abcdefghijklmnopqrstuvwxyz",
}

const configOf = (outputs: Record<string, string>, values: Record<string, string>) =>
  stageConfig(
    "prod",
    "eu-central-1",
    { name: "chat-backend-prod", status: "UPDATE_COMPLETE", outputs },
    { name: "/chat/prod/stores", values },
  )

const without = (from: Record<string, string>, name: string) =>
  Object.fromEntries(Object.entries(from).filter(([key]) => key !== name))

describe("the configuration of a stage", () => {
  test("with all its values: has those of the stack and the secret, and a default index without an output of it", () => {
    expect(configOf(OUTPUTS, VALUES)).toMatchObject({
      ...VALUES,
      AWS_REGION: "eu-central-1",
      ELASTICSEARCH_INDEX: "messages",
      PERSIST_QUEUE_URL: OUTPUTS.PersistQueueUrl,
      INDEX_DEAD_LETTER_QUEUE_URL: OUTPUTS.IndexDeadLetterQueueUrl,
    })
    const { ELASTICSEARCH_INDEX } = configOf({ ...OUTPUTS, SearchIndex: "messages-prod" }, VALUES)
    expect(ELASTICSEARCH_INDEX).toBe("messages-prod")
  })

  test("without one queue's output: names the variable, the stack and the output", () => {
    expect(Object.keys(OUTPUTS)).toHaveLength(QUEUE_VARIABLES.length)
    for (const output of Object.keys(OUTPUTS)) {
      const lacking = `the stack chat-backend-prod (UPDATE_COMPLETE) has no output ${output}.`
      expect(() => configOf(without(OUTPUTS, output), VALUES)).toThrow(lacking)
    }
  })

  test("without one key of the secret: names the variable and the secret, and never another place", () => {
    for (const key of Object.keys(VALUES)) {
      process.env[key] = "mysql://left.over/in-the-shell"
      try {
        expect(() => configOf(OUTPUTS, without(VALUES, key))).toThrow(
          `The stage prod is incomplete. ${key}: the secret /chat/prod/stores has no such key.`,
        )
      } finally {
        delete process.env[key]
      }
    }
  })

  test("with a value that cannot be right: names it and where it is from, without the value", () => {
    const wrong = () => configOf(OUTPUTS, { ...VALUES, MYSQL_URL: "postgres://chat:secret@db/chat" })
    expect(wrong).toThrow(/^Wrong configuration\. MYSQL_URL: .* the secret \/chat\/prod\/stores and the stack chat-/)
    expect(wrong).not.toThrow(/postgres/)
  })
})
