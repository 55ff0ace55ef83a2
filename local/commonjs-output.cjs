// The project is ESM and the bundles are CommonJS (which the emulator, `invoke local` and the cloud all can load as .js),
// so their folder says so. An esbuild plugin, since serverless-esbuild empties the folder before each build.
const { mkdirSync, writeFileSync } = require("node:fs")
const { join } = require("node:path")

module.exports = [
  {
    name: "commonjs-output",
    setup({ initialOptions, onStart }) {
      onStart(() => {
        mkdirSync(initialOptions.outdir, { recursive: true })
        writeFileSync(join(initialOptions.outdir, "package.json"), '{"type":"commonjs"}\n')
      })
    },
  },
]
