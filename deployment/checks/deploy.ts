import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { inventoryOf } from "../emulator/inventory.ts"
import { type Check, firstOf, lookAt, same } from "../site.ts"
import { resourcesOf } from "../stage/stack.ts"
import { prepareStage } from "../stage/stage.ts"

/** The states of a resource that was made as the template says. */
const MADE = new Set(["CREATE_COMPLETE", "UPDATE_COMPLETE"])

export const deploys: Check = {
  key: "deployment",
  name: "serverless deploy creates every resource of the template and prepares the stores",
  async run(site) {
    const stage = await prepareStage("prod", { ...site.stageOptions, redisDatabase: 0 })
    site.before = await inventoryOf(site.aws)
    await stage.serverless("deploy")
    const file = join(stage.folder, ".serverless", "cloudformation-template-update-stack.json")
    const template = JSON.parse(await readFile(file, "utf8")) as { Resources: object }
    const resources = await resourcesOf(site.aws, stage.name)
    const unmade = resources.filter(({ status }) => !MADE.has(status))
    same("not made", unmade, [])
    same("resources", resources.map(({ id }) => id).sort(), Object.keys(template.Resources).sort())
    site.first = await lookAt(site, stage)
    return `${resources.length} of ${resources.length}`
  },
}

export const changesNothing: Check = {
  key: "again",
  name: "a second deployment of the same code changes nothing",
  async run(site) {
    const output = await firstOf(site).stage.serverless("deploy")
    if (!/No changes to deploy/.test(output)) throw new Error(`serverless deploy printed: ${output.trim()}`)
    return "No changes to deploy"
  },
}
