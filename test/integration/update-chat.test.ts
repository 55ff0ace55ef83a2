import { describe } from "@jest/globals"
import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, nameCases } from "../steps/body-cases.ts"
import { describeUpdate } from "../steps/change-cases.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { metadataCases, noChangeCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const { updateChat, updateChatByPatch } = TARGETS
const cases = [...nameCases({ nullable: true, optional: true }), ...metadataCases()]

describeUpdate(api, stores, updateChat, "name")
describe("by PUT", () => {
  describeMissing(api, stores, updateChat)
  describeBody(api, stores, updateChat, cases)
  describeAway(api, stores, updateChat, changeAway(200))
})
describe("by PATCH", () => {
  describeMissing(api, stores, updateChatByPatch)
  describeBody(api, stores, updateChatByPatch, [...cases, ...noChangeCases()])
  describeAway(api, stores, updateChatByPatch, changeAway(200))
})
