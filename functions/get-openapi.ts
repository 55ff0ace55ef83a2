import { openapiDocument } from "../lib/http/document/openapi.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { baseUrl } from "../lib/http/reply/base-url.ts"
import { json } from "../lib/http/reply/replies.ts"
import { getOpenapi } from "../lib/operations/system.ts"

/** Made once per process; only the server's address differs between callers. */
const document = openapiDocument()

export const handler = endpoint(getOpenapi, (_input, { headers }) =>
  json(200, { ...document, servers: [{ url: baseUrl(headers) || "/" }] }),
)
