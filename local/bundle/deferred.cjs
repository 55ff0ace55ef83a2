// Keeps what a creation does not use on its usual way as text within the bundle, which is compiled when it is first
// used: V8 has to parse all code of a bundle at the start, but it only reads over a text. A second file would have the
// same effect, but serverless-esbuild would put it into the zips of all functions.
const { globSync, readFileSync } = require("node:fs")
const { join } = require("node:path")

/** The packages; lib/clients/mysql.ts and others use their exports only when MySQL is asked. */
const DEFERRED = /^(kysely|mysql2)$/
const ROOT = join(__dirname, "..", "..")

/** Returns the names of the values that lib/ imports from a package. */
function namesImportedFrom(name) {
  const imports = new RegExp(`\\{([^{}]+)\\} (?:from |= await import\\()"${name}"`, "g")
  const texts = globSync("lib/**/*.ts", { cwd: ROOT }).map((path) => readFileSync(join(ROOT, path), "utf8"))
  const lists = texts.flatMap((text) => [...text.replaceAll(/import type .*/g, "").matchAll(imports)])
  const names = lists.flatMap(([, list]) => list.split(",").map((one) => one.trim()))
  return [...new Set(names.filter((one) => one !== "" && !one.startsWith("type ")))].sort()
}

/** Returns these exports of a package, with all that they need, as the text of a CommonJS module. */
async function bundle({ esbuild, initialOptions }, name, names) {
  const { minify, mainFields, platform, target, keepNames } = initialOptions
  const { outputFiles } = await esbuild.build({
    stdin: { contents: `export { ${names.join(", ")} } from "${name}"`, resolveDir: ROOT },
    bundle: true,
    write: false,
    format: "cjs",
    plugins: [require("./lean-mysql2.cjs")],
    ...{ minify, mainFields, platform, target, keepNames },
  })
  return outputFiles[0].text
}

const moduleOf = (name, source, names) => `
  const source = ${JSON.stringify(source)}
  let loaded
  function load() {
    if (loaded) return loaded
    const { compileFunction } = require("node:vm")
    const made = { exports: {} }
    compileFunction(source, ["module", "exports", "require"], { filename: "${name}.js" })(made, made.exports, require)
    return (loaded = made.exports)
  }
  for (const name of ${JSON.stringify(names)})
    Object.defineProperty(exports, name, { enumerable: true, get: () => load()[name] })
`

/** By package: all bundles of a build have the same text. */
const modules = new Map()

module.exports = {
  name: "deferred",
  setup(build) {
    // Packages that stay outside of the emulator's bundles.
    const external = new Set(build.initialOptions.external)
    build.onResolve({ filter: DEFERRED }, ({ path }) =>
      external.has(path) ? undefined : { path, namespace: "deferred" },
    )
    build.onLoad({ filter: DEFERRED, namespace: "deferred" }, async ({ path }) => {
      if (!modules.has(path)) {
        const names = namesImportedFrom(path)
        modules.set(path, moduleOf(path, await bundle(build, path, names), names))
      }
      return { contents: modules.get(path), loader: "js" }
    })
  },
}
