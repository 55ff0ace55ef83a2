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
    const template = JSON.parse(await readFile(file, "utf8")) as { Resources: Record<string, { Condition?: string }> }
    const resources = await resourcesOf(site.aws, stage.name)
    const unmade = resources.filter(({ status }) => !MADE.has(status))
    same("not made", unmade, [])
    // A stage without a file of its own has no VPC, domain or address for alarms, so all conditions are false.
    const expected = Object.keys(template.Resources).filter((id) => template.Resources[id]?.Condition === undefined)
    const made = new Set(resources.map(({ id }) => id))
    same(
      "missing",
      expected.filter((id) => !made.has(id)),
      [],
    )
    same(
      "not of the template",
      [...made].filter((id) => !expected.includes(id)),
      [],
    )
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
