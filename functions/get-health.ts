import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import { getHealth } from "../lib/operations/system.ts"

// This process answers; it says nothing of the stores.
export const handler = endpoint(getHealth, () => ok({ status: "ok" }))
