// `npm run client:types [file]`: writes the client's types of the API, made from docs/openapi.json.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createClient } from "@hey-api/openapi-ts"
import { ROOT } from "./services/settings.ts"

const [file = join(ROOT, "client", "src", "api-types.ts")] = process.argv.slice(2)
const document = JSON.parse(await readFile(join(ROOT, "docs", "openapi.json"), "utf8"))
const folder = await mkdtemp(join(tmpdir(), "chat-backend-types-"))
try {
  await createClient({
    // The calls are written by hand, so only the schemas are made into types.
    input: { ...document, paths: {} },
    output: { path: folder, entryFile: false },
    plugins: ["@hey-api/typescript"],
    logs: { level: "silent", file: false },
  })
  await writeFile(file, await readFile(join(folder, "types.gen.ts")))
} finally {
  await rm(folder, { recursive: true, force: true })
}
