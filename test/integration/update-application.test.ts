import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeBody, nameCases } from "../steps/body-cases.ts"
import { describeUpdate } from "../steps/change-cases.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.updateApplication

describeUpdate(api, stores, target, "name")
describeMissing(api, stores, target)
describeBody(api, stores, target, nameCases())
describeAway(api, stores, target, changeAway(200))
