import { describe, expect, test } from "@jest/globals"
import { creationAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, NAMES_TAKEN, nameCases } from "../steps/body-cases.ts"
import { chatApi, chatPath, directTransport, expectStatus } from "../steps/chat-api.ts"
import { describeIdempotency } from "../steps/idempotency-cases.ts"
import { metadataCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.createChat

describe("a chat", () => {
  test("is created, and answered with its number, no messages and its place", async () => {
    const token = await api.givenApplication()
    const answer = await api.createChat(token, { name: "Order 1001" })
    expect(expectStatus(answer, 201)).toEqual({
      number: 1,
      name: "Order 1001",
      metadata: {},
      messages_count: 0,
      created_at: expect.stringMatching(/Z$/),
      updated_at: answer.body.created_at,
    })
    expect(answer.headers.location).toBe(`/applications/${token}/chats/1`)
  })

  test.each([
    ["no body", {}],
    ["null", { json: null }],
    ["an empty object", { json: {} }],
    ["null as its name", { json: { name: null } }],
  ])("created with %s, has no name", async (_what, body) => {
    const token = await api.givenApplication()
    const answer = await api.call({ method: "POST", path: `/applications/${token}/chats`, ...body })
    expect(expectStatus(answer, 201)).toMatchObject({ number: 1, name: null })
    await reach("stored", stores())
    expect(expectStatus(await api.getChat(token, 1), 200).name).toBeNull()
  })

  test.each(STAGES)("gets the next number of its application, also after deletes that are %s", async (stage) => {
    const token = await api.givenApplication()
    const other = await api.givenApplication()
    expect([await api.givenChat(token), await api.givenChat(other), await api.givenChat(token)]).toEqual([1, 1, 2])
    expectStatus(await api.deleteChat(token, 2), 204)
    await reach(stage, stores())
    expect(await api.givenChat(token)).toBe(3)
  })

  test("refused, uses up no number", async () => {
    const token = await api.givenApplication()
    expectStatus(await api.createChat(token, { name: "" }), 422)
    expectStatus(await api.createChat(token, { name: "x" }, { key: "with space" }), 422)
    expect(await api.givenChat(token)).toBe(1)
  })

  test("created by 64 at once, gets each number once", async () => {
    const token = await api.givenApplication()
    const numbers = await Promise.all(Array.from({ length: 64 }, () => api.givenChat(token)))
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1))
  })

  test.each(NAMES_TAKEN)("with a name %s, keeps it as it is in outbox and MySQL", async (_what, name, kept) => {
    const token = await api.givenApplication()
    const { number } = expectStatus(await api.createChat(token, { name }), 201)
    for (const stage of STAGES) {
      await reach(stage, stores())
      expect(expectStatus(await api.getChat(token, number), 200).name).toBe(kept)
    }
  })
})

describeMissing(api, stores, target)
describeBody(api, stores, target, [...nameCases({ nullable: true, optional: true }), ...metadataCases()])
describeIdempotency(api, stores, {
  target,
  otherJson: { name: "other" },
  created: ({ token }, { number }) => chatPath(token, number),
  keyMin: 1,
})
describeAway(api, stores, target, creationAway())

test("an Idempotency-Key used in one application, is another one in the next", async () => {
  const [one, other] = [await api.givenApplication(), await api.givenApplication()]
  expectStatus(await api.createChat(one, { name: "a" }, { key: "1" }), 201)
  const answer = await api.createChat(other, { name: "b" }, { key: "1" })
  expect(expectStatus(answer, 201)).toMatchObject({ number: 1, name: "b" })
  expect(answer.headers).not.toHaveProperty("idempotency-replayed")
})
