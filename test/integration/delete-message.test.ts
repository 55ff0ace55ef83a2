import { changeAway, describeAway } from "../steps/away-cases.ts"
import { describeDelete } from "../steps/change-cases.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.deleteMessage

describeDelete(api, stores, target, [TARGETS.getApplication.template, TARGETS.getChat.template])
describeMissing(api, stores, target)
describeAway(api, stores, target, changeAway(204))
