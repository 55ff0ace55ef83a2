import { describe, expect, test } from "@jest/globals"
import { creationAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, NAMES_TAKEN, nameCases } from "../steps/body-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { describeIdempotency } from "../steps/idempotency-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.createApplication

describe("an application", () => {
  test("is created, and answered with its token, no chats and its place", async () => {
    const answer = await api.createApplication({ name: "Support" })
    const { token, created_at: createdAt } = expectStatus(answer, 201)
    expect(answer.body).toEqual({
      token: expect.stringMatching(/^[A-Za-z0-9_-]{24}$/),
      name: "Support",
      chats_count: 0,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: createdAt,
    })
    expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(5_000)
    expect(answer.headers).toMatchObject({
      location: `/applications/${token}`,
      "x-request-id": "invocation-1",
      "x-content-type-options": "nosniff",
    })
  })

  test("created twice with one name, is two applications", async () => {
    const tokens = await Promise.all([api.givenApplication("same"), api.givenApplication("same")])
    expect(new Set(tokens).size).toBe(2)
  })

  test.each(NAMES_TAKEN)("with a name %s, keeps it as it is in outbox and MySQL", async (_what, name, kept) => {
    const { token } = expectStatus(await api.createApplication({ name }), 201)
    for (const stage of STAGES) {
      await reach(stage, stores())
      expect(expectStatus(await api.getApplication(token), 200).name).toBe(kept)
    }
  })
})

describeBody(api, stores, target, nameCases())
describeIdempotency(api, stores, {
  target,
  otherJson: { name: "other" },
  created: (_world, { token }) => `/applications/${token}`,
  keyMin: 16,
})
describeAway(api, stores, target, creationAway())
