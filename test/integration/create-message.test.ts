import { describe, expect, test } from "@jest/globals"
import { creationAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, messageBodyCases } from "../steps/body-cases.ts"
import { chatApi, directTransport, expectStatus, messagePath } from "../steps/chat-api.ts"
import { describeIdempotency } from "../steps/idempotency-cases.ts"
import { metadataCases, senderCases, sentAtCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.createMessage

describe("a message", () => {
  test("is created, and answered with its number and its place", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    const answer = await api.createMessage(token, chat, { body: "Hello" })
    expect(expectStatus(answer, 201)).toEqual({
      number: 1,
      body: "Hello",
      sender: null,
      metadata: {},
      sent_at: null,
      created_at: expect.stringMatching(/Z$/),
      updated_at: answer.body.created_at,
    })
    expect(answer.headers.location).toBe(`/applications/${token}/chats/1/messages/1`)
  })

  test.each(STAGES)("gets the next number of its chat, also after deletes that are %s", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const other = await api.givenChat(token)
    expect([await api.givenMessage(token, other), await api.givenMessage(token, chat)]).toEqual([1, 2])
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    await reach(stage, stores())
    expect(await api.givenMessage(token, chat)).toBe(3)
  })

  test("refused, uses up no number", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    expectStatus(await api.createMessage(token, chat, { body: " " }), 422)
    expectStatus(await api.createMessage(token, chat, { body: "x" }, { key: "" }), 422)
    expect(await api.givenMessage(token, chat)).toBe(2)
  })

  test("created by 64 at once, gets each number once", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const numbers = await Promise.all(Array.from({ length: 64 }, () => api.givenMessage(token, chat)))
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, index) => index + 2))
  })
})

describeMissing(api, stores, target)
describeBody(api, stores, target, [
  ...messageBodyCases(),
  ...senderCases(),
  ...metadataCases({ body: "x" }),
  ...sentAtCases(),
])
describeIdempotency(api, stores, {
  target,
  otherJson: { body: "other" },
  created: ({ token, chat }, { number }) => messagePath(token, chat, number),
  keyMin: 1,
})
describeAway(api, stores, target, creationAway())

test("an Idempotency-Key used in one chat, is another one in the next", async () => {
  const token = await api.givenApplication()
  const [one, other] = [await api.givenChat(token), await api.givenChat(token)]
  expectStatus(await api.createMessage(token, one, { body: "a" }, { key: "1" }), 201)
  const answer = await api.createMessage(token, other, { body: "b" }, { key: "1" })
  expect(expectStatus(answer, 201)).toMatchObject({ number: 1, body: "b" })
  expect(answer.headers).not.toHaveProperty("idempotency-replayed")
})
