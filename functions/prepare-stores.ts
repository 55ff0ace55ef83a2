// CloudFormation, at a deployment: tables, index and shards, before new code is live
import { readConfig } from "../lib/config.ts"
import { customResource } from "../lib/operate/custom-resource.ts"
import { prepareStores } from "../lib/operate/prepare-stores.ts"
import { buildStores } from "../lib/search-runtime.ts"

export const handler = customResource(async (options) => {
  const { stores, close } = buildStores(readConfig(process.env))
  return prepareStores(stores, options).finally(close)
})
