import { eventually } from "../../test/steps/eventually.ts"
import { type Check, firstOf } from "../site.ts"

/** On a busy machine a store may not answer a command in its time-out, which counts as away. */
const WELL_LIMIT_MS = 60_000

export const operator: Check = {
  key: "operator",
  name: "npm run ops with --stage finds the stage's stores: status and verify find nothing wrong",
  async run(site) {
    const { stage } = firstOf(site)
    await eventually(() => stage.operate("status"), WELL_LIMIT_MS)
    const { messages, documents } = JSON.parse(await stage.operate("verify", "--json"))
    if (messages === 0 || documents === 0) throw new Error(`verify saw ${messages} messages and ${documents} documents`)
    return `${messages} messages, ${documents} documents`
  },
}
