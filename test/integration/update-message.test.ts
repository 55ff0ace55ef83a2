import { describe } from "@jest/globals"
import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, messageBodyCases } from "../steps/body-cases.ts"
import { describeUpdate } from "../steps/change-cases.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { metadataCases, noChangeCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const { updateMessage, updateMessageByPatch } = TARGETS

describeUpdate(api, stores, updateMessage, "body")
describe("by PUT", () => {
  describeMissing(api, stores, updateMessage)
  describeBody(api, stores, updateMessage, [...messageBodyCases(), ...metadataCases({ body: "x" })])
  describeAway(api, stores, updateMessage, changeAway(200))
})
describe("by PATCH", () => {
  const cases = [...messageBodyCases({ optional: true }), ...metadataCases(), ...noChangeCases()]
  describeMissing(api, stores, updateMessageByPatch)
  describeBody(api, stores, updateMessageByPatch, cases)
  describeAway(api, stores, updateMessageByPatch, changeAway(200))
})
