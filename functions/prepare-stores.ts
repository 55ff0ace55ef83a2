// CloudFormation, at a deployment: tables, index and shards, before new code is live
import { customResource } from "../lib/operate/custom-resource.ts"
import { prepareStores } from "../lib/operate/prepare-stores.ts"
import { runtime } from "../lib/runtime.ts"
import { buildStores } from "../lib/search-runtime.ts"

export const handler = customResource(async (options) => {
  const { config } = await runtime()
  const { stores, close } = buildStores(config)
  return prepareStores(stores, options).finally(close)
})
