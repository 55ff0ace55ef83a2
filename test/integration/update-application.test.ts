import { describe } from "@jest/globals"
import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, nameCases } from "../steps/body-cases.ts"
import { describeUpdate } from "../steps/change-cases.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { noChangeCases } from "../steps/member-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const { updateApplication, updateApplicationByPatch } = TARGETS

describeUpdate(api, stores, updateApplication, "name")
describe("by PUT", () => {
  describeMissing(api, stores, updateApplication)
  describeBody(api, stores, updateApplication, nameCases())
  describeAway(api, stores, updateApplication, changeAway(200))
})
describe("by PATCH", () => {
  describeMissing(api, stores, updateApplicationByPatch)
  describeBody(api, stores, updateApplicationByPatch, [...nameCases({ optional: true }), ...noChangeCases()])
  describeAway(api, stores, updateApplicationByPatch, changeAway(200))
})
