// npm run openapi: writes docs/openapi.json, so that a change of the API shows in review.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { openapiDocument } from "../lib/http/document/openapi.ts"
import { ROOT } from "./services/settings.ts"

writeFileSync(join(ROOT, "docs", "openapi.json"), `${JSON.stringify(openapiDocument(), null, 2)}\n`)
