import { ApiError } from "../lib/errors.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { preflightHeaders, preflightMethod } from "../lib/http/reply/cors.ts"
import { noContent } from "../lib/http/reply/replies.ts"
import { administers, allowOf, methodsOf } from "../lib/operations/routes.ts"

// Handles requests without a route: OPTIONS, 405 for a known path with another method, 404 for an unknown path.
export const handler = endpoint({}, (_input, { method, rawPath: path, headers }) => {
  const methods: string[] = methodsOf(path)
  const asked = method === "OPTIONS" ? preflightMethod(headers) : undefined
  // Preflights succeed on any path; otherwise a script could not read the 404 of its request.
  if (asked !== undefined) return { ...noContent(), cors: preflightHeaders(headers, administers(path, asked)) }
  // An allowed method arrives here only if the gateway did not recognise the path (a trailing slash).
  if (methods.length === 0 || methods.includes(method))
    throw new ApiError("not_found", "There is nothing under this path.")
  const allow = allowOf(methodsOf(path))
  if (method === "OPTIONS") return { ...noContent(), headers: { allow: allow.join(", ") } }
  throw new ApiError("method_not_allowed", `This path does not take ${method}.`, {
    allow: allow.filter((allowed) => allowed !== method),
  })
})
