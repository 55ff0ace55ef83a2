import { eventually } from "../../test/steps/eventually.ts"
import { type Check, type Deployed, firstOf, same } from "../site.ts"
import { createUser, dropUser, newSecret } from "../stage/stage-stores.ts"
import { createAndFind } from "./flow.ts"

/** What docs/operations.md promises. */
const ROTATED_LIMIT_MS = 5 * 60_000

const statusWith = async ({ stranger }: Deployed, key: string): Promise<number | undefined> =>
  (await stranger({ path: "/applications", headers: { "x-api-key": key } })).status

/** Waits until the API answers `status` to a key. Throws if `valid`, a key that stays, is refused meanwhile. */
async function untilAnswered(first: Deployed, key: string, status: number, valid: string): Promise<string> {
  const began = performance.now()
  let refused = false
  await eventually(async () => {
    refused ||= (await statusWith(first, valid)) !== 200
    if (!refused) same("the key", await statusWith(first, key), status)
  }, ROTATED_LIMIT_MS)
  if (refused) throw new Error("the key that stays was refused")
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

/** The admin key that was taken out of the first stage's secret. */
let taken: string | undefined

export const newAdminKey: Check = {
  key: "rotation-key",
  name: "a new admin key beside the old one works within five minutes without a deployment, and the old one meanwhile",
  async run(site) {
    const first = firstOf(site)
    const { ADMIN_API_KEY: old } = first.stage.secret()
    const changed = newSecret()
    site.confidential.add(changed)
    await first.stage.changeSecret({ ADMIN_API_KEY: `${old},${changed}` })
    const accepted = await untilAnswered(first, changed, 200, old)
    // Functions that know both keep both until they read the secret again: the last rotation checks see to that.
    await first.stage.changeSecret({ ADMIN_API_KEY: changed })
    taken = old
    return `after ${accepted}`
  },
}

export const oldAdminKey: Check = {
  key: "rotation-old-key",
  name: "an admin key that was taken out of the secret is refused within five minutes without a deployment",
  async run(site) {
    const first = firstOf(site)
    if (taken === undefined) throw new Error("not checked, since the key was not rotated (rotation-key)")
    return `${await untilAnswered(first, taken, 401, first.stage.secret().ADMIN_API_KEY)} after this check began`
  },
}

export const mysqlPassword: Check = {
  key: "rotation-mysql",
  name: "a rotated MySQL password works within five minutes without a deployment",
  async run(site) {
    const first = firstOf(site)
    const { MYSQL_URL: old } = first.stage.secret()
    const changed = await createUser(site.servers, first.stage.name, `${first.stage.name}_second`)
    for (const secret of [changed, new URL(changed).password]) site.confidential.add(secret)
    await first.stage.changeSecret({ MYSQL_URL: changed })
    await dropUser(site.servers, new URL(old).username)
    const began = performance.now()
    await eventually(async () => same("a list", (await first.api.listApplications()).status, 200), ROTATED_LIMIT_MS)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    // The consumer's first batch meets the refused login and leaves its events to the relay, which sends them later.
    const found = await createAndFind(site, first, ROTATED_LIMIT_MS)
    return `reads after ${seconds} s, and a message is found ${found.seconds.toFixed(1)} s after its answer`
  },
}
