// A function needs the schemas by which it checks its requests, but the modules that declare them have those of all
// functions, of all answers, and the document's texts. In bundles each declaration is marked as one that does nothing
// but make its value, so that esbuild leaves out what nobody uses; and functions get of their operations only what an
// endpoint reads. The document's function asks for all operations through lib/operations/routes.ts, and gets them whole.
const { dirname, join } = require("node:path")

const DECLARATIONS = /[\\/]lib[\\/](?:contract|schemas|http[\\/](?:pages|searches|changes)|operations[\\/]\w+)\.ts$/
const NAMESPACE = "operations-of-a-function"

module.exports = {
  name: "lean-operations",
  setup({ initialOptions, onResolve, onLoad }) {
    // Only where size counts: the emulator's bundles stay as they are written.
    if (!initialOptions.minify) return
    // Only here, since it loads TypeScript, which the emulator's image does not have.
    const { leanText, requestMembers } = require("./lean-text.cjs")
    onResolve({ filter: /operations\/\w+\.ts$/ }, ({ path, importer, resolveDir }) =>
      /[\\/]functions[\\/][\w-]+\.ts$/.test(importer)
        ? { path: join(resolveDir, path), namespace: NAMESPACE }
        : undefined,
    )
    onLoad({ filter: /\.ts$/, namespace: NAMESPACE }, ({ path }) => ({
      contents: leanText(path, requestMembers()),
      resolveDir: dirname(path),
      loader: "ts",
    }))
    onLoad({ filter: DECLARATIONS }, ({ path }) => ({ contents: leanText(path), loader: "ts" }))
  },
}
