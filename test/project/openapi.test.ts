import { expect, test } from "@jest/globals"
import { openapiDocument } from "../../lib/http/document/openapi.ts"
import { read } from "../steps/project-files.ts"

test("docs/openapi.json: is the document that is served; `npm run openapi` writes it", () => {
  expect(JSON.parse(read("docs/openapi.json"))).toEqual(JSON.parse(JSON.stringify(openapiDocument())))
})
