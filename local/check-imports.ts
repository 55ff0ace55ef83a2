// `npm run check`: checks the import rules of .dependency-cruiser.cjs, and that every file was read for it.
import { globSync } from "node:fs"
import { cruise, format, type ICruiseResult } from "dependency-cruiser"
import extractOptions from "dependency-cruiser/config-utl/extract-depcruise-options"
import extractTypeScriptConfig from "dependency-cruiser/config-utl/extract-ts-config"

const FOLDERS = [
  "bench",
  "campaign",
  "client/programs",
  "client/src",
  "deployment",
  "functions",
  "lib",
  "local",
  "migrations",
  "test",
]

const cruised = await cruise(FOLDERS, await extractOptions("./.dependency-cruiser.cjs"), undefined, {
  tsConfig: extractTypeScriptConfig("tsconfig.json"),
})
const result = cruised.output as ICruiseResult
const { output, exitCode } = await format(result, { outputType: "err" })
console.log(output)

// With a TypeScript version it does not support, dependency-cruiser reads no file and reports no violation.
const read = new Set(result.modules.map(({ source }) => source))
const unread = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`)).filter((file) => !read.has(file))
if (unread.length > 0 || read.size === 0) {
  console.log(`Import rules were not checked for ${unread.length} files; the first is ${unread[0] ?? "none"}.`)
}
process.exitCode = exitCode > 0 || unread.length > 0 || read.size === 0 ? 1 : 0
