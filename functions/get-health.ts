import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import { getHealth } from "../lib/operations/system.ts"

// Shows only that this process answers; asks no store.
export const handler = endpoint(getHealth, () => ok({ status: "ok" }))
