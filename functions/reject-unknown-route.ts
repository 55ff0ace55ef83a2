import { ApiError } from "../lib/errors.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { preflightHeaders, preflightMethod } from "../lib/http/reply/cors.ts"
import { noContent } from "../lib/http/reply/replies.ts"
import { administers, allowOf, methodsOf } from "../lib/operations/routes.ts"

// Whatever no other route takes: OPTIONS, and else 405 for a path of ours with another method or 404
export const handler = endpoint({}, (_input, { method, rawPath: path, headers }) => {
  const methods: string[] = methodsOf(path)
  const asked = method === "OPTIONS" ? preflightMethod(headers) : undefined
  // For any path, since a script could not read the 404 of a request that its preflight has stopped.
  if (asked !== undefined) return { ...noContent(), cors: preflightHeaders(headers, administers(path, asked)) }
  // A method that the path has comes here only where the gateway took the path for another one (a trailing slash).
  if (methods.length === 0 || methods.includes(method))
    throw new ApiError("not_found", "There is nothing under this path.")
  const allow = allowOf(methodsOf(path))
  if (method === "OPTIONS") return { ...noContent(), headers: { allow: allow.join(", ") } }
  throw new ApiError("method_not_allowed", `This path does not take ${method}.`, {
    allow: allow.filter((allowed) => allowed !== method),
  })
})
