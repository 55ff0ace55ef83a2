import { readChanges } from "../lib/changes/read-changes.ts"
import { answerChanges } from "../lib/http/changes.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import * as operations from "../lib/operations/changes.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.listChanges, ({ path, params, query }, scope) =>
  answerChanges(path, query, async (request) => readChanges(await runtime(scope), params.token, request)),
)
