import { inventoryOf, onlyIn } from "../emulator/inventory.ts"
import { type Check, firstOf, same } from "../site.ts"
import { secretName } from "../stage/stage.ts"

export const removal: Check = {
  key: "removal",
  name: "serverless remove leaves nothing of the stage but the operator's secret",
  async run(site) {
    const { stage } = firstOf(site)
    await stage.serverless("remove")
    const after = await inventoryOf(site.aws)
    same("left", onlyIn(after, site.before ?? {}), [])
    same("lost", onlyIn(site.before ?? {}, after), [])
    const { SecretString } = await site.aws.secrets.getSecretValue({ SecretId: secretName(stage.name) })
    same("the secret", JSON.parse(SecretString ?? "null"), stage.secret())
    return "the secret is as it was"
  },
}
