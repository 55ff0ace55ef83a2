import { describe, expect, test } from "@jest/globals"
import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, nameCases } from "../steps/body-cases.ts"
import { describeUpdate } from "../steps/change-cases.ts"
import { chatApi, chatPath, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { metadataCases, noChangeCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const { updateChat, updateChatByPatch } = TARGETS
const cases = [...nameCases({ nullable: true, optional: true }), ...metadataCases()]

describeUpdate(api, stores, updateChat, "name")
describe("by PUT", () => {
  describeMissing(api, stores, updateChat)
  describeBody(api, stores, updateChat, cases)
  test("with null for a body: is refused, and changes nothing, unlike without a body", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    expectStatus(await api.updateChat(token, chat, { name: "kept" }), 200)
    expectProblem(await api.call({ method: "PUT", path: chatPath(token, chat), json: null }), 422, "invalid_request")
    expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("kept")
  })
  describeAway(api, stores, updateChat, changeAway(200))
})
describe("by PATCH", () => {
  describeMissing(api, stores, updateChatByPatch)
  describeBody(api, stores, updateChatByPatch, [...cases, ...noChangeCases()])
  describeAway(api, stores, updateChatByPatch, changeAway(200))
})
