import { endpoint } from "../lib/http/endpoint.ts"
import { openapiDocument } from "../lib/http/openapi.ts"
import { text } from "../lib/http/replies.ts"

/** Made once per process: it never changes. */
const documentJson = JSON.stringify(openapiDocument())

// GET /openapi.json
export const handler = endpoint({ run: () => text("application/json; charset=utf-8", documentJson) })
