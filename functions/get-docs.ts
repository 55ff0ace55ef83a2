import { docsContentSecurityPolicy, docsPage } from "../lib/http/docs-page.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { text } from "../lib/http/replies.ts"

// GET /docs
export const handler = endpoint({
  run: () => text("text/html; charset=utf-8", docsPage, { "content-security-policy": docsContentSecurityPolicy }),
})
