import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"

// GET /health: this process answers; it says nothing of the stores
export const handler = endpoint({ run: () => ok({ status: "ok" }) })
