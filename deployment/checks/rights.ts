import { paginateListFunctions } from "@aws-sdk/client-lambda"
import { type Rights, rightsOf } from "../../test/steps/rights.ts"
import { probe } from "../probe/probes.ts"
import { type Check, type Deployed, firstOf, type Site, same } from "../site.ts"
import { functionName, physicalIds } from "../stage/stack.ts"
import { secretName } from "../stage/stage.ts"

/** Returns the names of a stage's functions by the ARN of their role. */
async function functionsByRole({ aws }: Site, { stage }: Deployed): Promise<Map<string, string[]>> {
  const pages = await Array.fromAsync(paginateListFunctions({ client: aws.lambda }, {}))
  const prefix = functionName(stage.name, "")
  const own = pages.flatMap(({ Functions = [] }) => Functions).filter((one) => one.FunctionName?.startsWith(prefix))
  const byRole = Map.groupBy(own, ({ Role = "" }) => Role)
  return new Map(
    [...byRole].map(([role, list]) => [role, list.map((one) => one.FunctionName?.slice(prefix.length) ?? "")]),
  )
}

/** Returns the rights to the queues with these URLs, in a fixed order. */
const queueRights = ({ queues }: Rights, urls: Record<string, string>): [string, string[]][] =>
  Object.keys(urls).map((id) => [id, (queues[id] ?? []).map((verb) => verb.replace("*", "")).sort()])

/** The table of rights lists what may be done; all else is denied, purging and changing a queue included. */
export const rights: Check = {
  key: "rights",
  name: "each role may do with each queue and secret what the table of rights says, and nothing else",
  async run(site) {
    const first = firstOf(site)
    const urls = physicalIds(first.resources, "AWS::SQS::Queue")
    const byRole = await functionsByRole(site, first)
    const secrets = [secretName(first.stage.name), "/another/secret"]
    const probed = await probe(site, [...byRole.keys()], { queues: Object.values(urls), secrets })
    for (const [role, functions] of byRole) {
      const permitted = probed.get(role)
      const seen = Object.entries(urls).map(([id, url]) => [id, permitted?.queues[url] ?? []])
      for (const name of functions) {
        const expected = rightsOf(name)
        same(`${name} with ${role}`, seen, queueRights(expected, urls))
        same(`secrets of ${name}`, permitted?.secrets, expected.secret ? [secretName(first.stage.name)] : [])
      }
    }
    // What the probes sent to the dead letters is none.
    for (const [id, QueueUrl] of Object.entries(urls))
      if (id.includes("DeadLetter")) await site.aws.sqs.purgeQueue({ QueueUrl })
    return `${byRole.size} roles, ${Object.keys(urls).length} queues, 6 calls each`
  },
}
