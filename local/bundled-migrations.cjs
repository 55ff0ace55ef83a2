// The esbuild plugin that puts the migrations into bundles: lib/operate/read-migrations.ts reads their folder, which a
// deployed function does not have, so a bundle gets a module in its place that imports each file.
const { readdirSync } = require("node:fs")
const { dirname, join } = require("node:path")

/** Returns the module's text: its imports in the order of the names, by which kysely runs the migrations. */
const moduleOf = (names) =>
  [
    ...names.map((name, index) => `import * as migration${index} from "./${name}.ts"`),
    `const migrations = { ${names.map((name, index) => `"${name}": migration${index}`).join(", ")} }`,
    "export const readMigrations = async () => migrations",
  ].join("\n")

module.exports = {
  name: "bundled-migrations",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]lib[\\/]operate[\\/]read-migrations\.ts$/ }, ({ path }) => {
      const folder = join(dirname(path), "..", "..", "migrations")
      const files = readdirSync(folder).filter((file) => file.endsWith(".ts"))
      const names = files.map((file) => file.replace(/\.ts$/, "")).sort()
      return { contents: moduleOf(names), resolveDir: folder, loader: "js", watchDirs: [folder] }
    })
  },
}
