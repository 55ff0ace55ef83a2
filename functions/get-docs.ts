import { docsContentSecurityPolicy, docsPage } from "../lib/http/docs-page.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { text } from "../lib/http/replies.ts"
import { getDocs } from "../lib/operations/system.ts"

export const handler = endpoint(getDocs, () =>
  text("text/html; charset=utf-8", docsPage, { "content-security-policy": docsContentSecurityPolicy }),
)
