import { ApiError } from "../lib/errors.ts"
import { isErrorCode, problemContentSecurityPolicy, problemPage } from "../lib/http/document/problem-page.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { text } from "../lib/http/reply/replies.ts"
import { getProblem } from "../lib/operations/system.ts"

export const handler = endpoint(getProblem, ({ params: { code } }) => {
  if (!isErrorCode(code)) throw new ApiError("not_found", "No error has this code.")
  return text("text/html; charset=utf-8", problemPage(code), {
    "content-security-policy": problemContentSecurityPolicy,
  })
})
