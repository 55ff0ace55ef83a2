import { ApiError } from "../lib/errors.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { allowOf, methodsOf } from "../lib/http/routes.ts"

// Whatever no other route takes: 405 for a path of ours with another method, else 404
export const handler = endpoint({
  run: (_input, { method, path }) => {
    const methods: string[] = methodsOf(path)
    // A method that the path has comes here only where the gateway took the path for another one (a trailing slash).
    if (methods.length === 0 || methods.includes(method))
      throw new ApiError("not_found", "There is nothing under this path.")
    const allow = allowOf(methodsOf(path)).filter((allowed) => allowed !== method)
    throw new ApiError("method_not_allowed", `This path does not take ${method}.`, { allow })
  },
})
