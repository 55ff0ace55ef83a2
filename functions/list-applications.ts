import { listApplications } from "../lib/applications.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerList, ListQuery } from "../lib/http/pages.ts"
import { applicationsPath } from "../lib/http/paths.ts"
import { runtime } from "../lib/runtime.ts"

// GET /applications
export const handler = endpoint({
  adminKeys: () => runtime().adminKeys,
  query: ListQuery,
  run: ({ query }, scope) =>
    answerList({ path: applicationsPath(), keyedBy: "token" }, query, (page) => listApplications(runtime(scope), page)),
})
