// CloudFormation, at a deployment: tables, index and shards, before new code is live
import { customResource } from "../lib/operate/custom-resource.ts"
import { prepareStores } from "../lib/operate/prepare-stores.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

export const handler = customResource(async (options) => prepareStores(await searchRuntime(), options))
