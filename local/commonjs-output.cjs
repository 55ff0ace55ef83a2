// The project is ESM, but the bundles are CommonJS, which the emulator, `invoke local` and the cloud can all load as
// .js. This writes the package.json that says so at each build, because serverless-esbuild empties the folder.
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
  require("./bundled-migrations.cjs"),
]
