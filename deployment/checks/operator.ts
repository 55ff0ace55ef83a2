import { type Check, firstOf } from "../site.ts"

export const operator: Check = {
  key: "operator",
  name: "npm run ops with --stage finds the stage's stores: status and verify find nothing wrong",
  async run(site) {
    const { stage } = firstOf(site)
    await stage.operate("status")
    const { messages, documents } = JSON.parse(await stage.operate("verify", "--json"))
    if (messages === 0 || documents === 0) throw new Error(`verify saw ${messages} messages and ${documents} documents`)
    return `${messages} messages, ${documents} documents`
  },
}
