import { listApplications } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerList } from "../lib/http/pages.ts"
import * as operations from "../lib/operations/applications.ts"
import { adminKeys, runtime } from "../lib/runtime.ts"

export const handler = endpoint(
  operations.listApplications,
  ({ path, query }, scope) =>
    answerList({ path, keyedBy: "token" }, query, async (page) => listApplications(await runtime(scope), page)),
  adminKeys,
)
