// Runs functions of the previous release for the process that forked this one.
import { readFileSync } from "node:fs"
import Module, { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"

const file = fileURLToPath(new URL("handlers.js", import.meta.url))
const bundle = new Module(file)
bundle.filename = file
bundle.paths = createRequire(file).resolve.paths("any")
bundle._compile(gunzipSync(readFileSync(`${file}.gz`)).toString(), file)

process.on("message", async ({ id, name, event, context }) => {
  try {
    process.send({ id, answer: await bundle.exports[name](event, context) })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
})
process.on("disconnect", () => process.exit())
process.send({ ready: true })
