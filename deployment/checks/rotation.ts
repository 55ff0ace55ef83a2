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

export const adminKey: Check = {
  key: "rotation-key",
  name: "a rotated admin key works within five minutes without a deployment, and the old one until it is removed",
  async run(site) {
    const first = firstOf(site)
    const { ADMIN_API_KEY: old } = first.stage.secret()
    const changed = newSecret()
    site.confidential.add(changed)
    await first.stage.changeSecret({ ADMIN_API_KEY: `${old},${changed}` })
    const accepted = await untilAnswered(first, changed, 200, old)
    await first.stage.changeSecret({ ADMIN_API_KEY: changed })
    const refused = await untilAnswered(first, old, 401, changed)
    return `the new key after ${accepted}, the old one refused after ${refused}`
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
    await createAndFind(site, first)
    return `reads after ${seconds} s`
  },
}
