import { expectStatus } from "../../test/steps/chat-api.ts"
import { type Inventory, inventoryOf, onlyIn } from "../emulator/inventory.ts"
import { type Check, type Deployed, firstOf, lookAt, type Site, same } from "../site.ts"
import { variablesOf } from "../stage/stack.ts"
import { prepareStage, secretName } from "../stage/stage.ts"
import { createAndFind } from "./flow.ts"

/** Variables that say where a stage's data are. A secret's entries are in none of them. */
const PLACES = /QUEUE_URL$|^ELASTICSEARCH_INDEX$|SECRET/

function secondOf({ second }: Site): Deployed {
  if (!second) throw new Error("not checked, since the second stage is not deployed")
  return second
}

const counts = (names: string[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(names, (name) => name.split(": ")[0] ?? "")].map(([kind, of]) => [kind, of.length]),
  )

/** Throws if two stages were given the same queue, index or secret. */
async function comparePlaces(site: Site, one: Deployed, other: Deployed): Promise<void> {
  const [first, second] = await Promise.all(
    [one, other].map(({ stage }) => variablesOf(site.aws, stage.name, "relay-outbox")),
  )
  const shared = Object.keys(first ?? {}).filter((name) => PLACES.test(name) && first?.[name] === second?.[name])
  if (!PLACES.test(Object.keys(first ?? {}).join(" "))) throw new Error("the functions are not told where the data are")
  if (!("ELASTICSEARCH_INDEX" in (first ?? {}))) shared.push("ELASTICSEARCH_INDEX (unset in both)")
  same("the same in both stages", shared, [])
}

/** Throws if one stage sees what was created in the other. */
async function compareData(site: Site, first: Deployed, second: Deployed): Promise<void> {
  const [ofFirst, ofSecond] = [await createAndFind(site, first), await createAndFind(site, second)]
  const read = async ({ api }: Deployed, token: string) => (await api.getApplication(token)).status
  same("the second reads the first's", await read(second, ofFirst.token), 404)
  same("the first reads the second's", await read(first, ofSecond.token), 404)
  const listed = expectStatus(await second.api.listApplications(), 200).data
  same(
    "the second's applications",
    listed.map(({ token }: { token: string }) => token),
    [ofSecond.token],
  )
  const key = first.stage.secret().ADMIN_API_KEY
  const stranger = await second.stranger({ path: "/applications", headers: { "x-api-key": key } })
  same("the first's key in the second", stranger.status, 401)
}

/** What was there before the second stage's own deployment, its secret included. */
let beforeSecond: Inventory | undefined

export const standsApart: Check = {
  key: "second-stage",
  name: "a second stage shares no queue, role, secret, index, log group or function with the first, and sees none of its messages",
  async run(site) {
    const first = firstOf(site)
    const stage = await prepareStage("staging", { ...site.stageOptions, redisDatabase: 1 })
    beforeSecond = await inventoryOf(site.aws)
    await stage.serverless("deploy")
    const second = await lookAt(site, stage)
    site.second = second
    const own = onlyIn(await inventoryOf(site.aws), beforeSecond)
    const ofFirst = onlyIn(beforeSecond, site.before ?? {}).filter(
      (name) => name !== `secrets: ${secretName(stage.name)}`,
    )
    same("resources of its own", counts(own), counts(ofFirst))
    await comparePlaces(site, first, second)
    await compareData(site, first, second)
    return `${own.length} resources of its own`
  },
}

export const leavesTheFirst: Check = {
  key: "second-removal",
  name: "removing the second stage leaves the first whole",
  async run(site) {
    const { stage } = secondOf(site)
    await stage.serverless("remove")
    const after = await inventoryOf(site.aws)
    same("left of the second", onlyIn(after, beforeSecond ?? {}), [])
    same("lost by the first", onlyIn(beforeSecond ?? {}, after), [])
    await site.aws.secrets.deleteSecret({ SecretId: secretName(stage.name), ForceDeleteWithoutRecovery: true })
    const { seconds } = await createAndFind(site, firstOf(site))
    return `a message of the first is found after ${seconds.toFixed(1)} s`
  },
}
