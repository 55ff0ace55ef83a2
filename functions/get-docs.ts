import { notFound } from "../lib/errors.ts"
import { docsAsset, docsPage } from "../lib/http/document/docs-page.ts"
import { type EndpointHandler, endpoint } from "../lib/http/endpoint.ts"
import { getDocs, getDocsAsset } from "../lib/operations/system.ts"

const page = endpoint(getDocs, docsPage)

const asset = endpoint(getDocsAsset, ({ params, query }, { headers }) => {
  const found = docsAsset(params.asset, query.v, headers)
  if (found === undefined) throw notFound("file of the docs page")
  return found
})

// GET /docs, and GET /docs/{asset} for its files.
export const handler: EndpointHandler = (event, context) =>
  (event.pathParameters?.asset === undefined ? page : asset)(event, context)
