import { docsContentSecurityPolicy, docsPage } from "../lib/http/document/docs-page.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { text } from "../lib/http/reply/replies.ts"
import { getDocs } from "../lib/operations/system.ts"

export const handler = endpoint(getDocs, () =>
  text("text/html; charset=utf-8", docsPage, { "content-security-policy": docsContentSecurityPolicy }),
)
