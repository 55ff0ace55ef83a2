import { endpoint } from "../lib/http/endpoint.ts"
import { json, ok } from "../lib/http/reply/replies.ts"
import { getReadiness } from "../lib/operations/system.ts"
import { checkReadiness } from "../lib/readiness.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

/** A dependency restarts within seconds. */
const RETRY_AFTER = { "retry-after": "5" }

export const handler = endpoint(getReadiness, async () => {
  const { ready, dependencies } = await checkReadiness(await searchRuntime())
  return ready ? ok({ status: "ready", dependencies }) : json(503, { status: "not_ready", dependencies }, RETRY_AFTER)
})
