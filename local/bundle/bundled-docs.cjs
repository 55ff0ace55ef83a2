// The esbuild plugin that puts the files of the docs page into the bundle of its function: lib/http/document/docs-assets.ts
// reads them, from a package that only development has, so a bundle gets a module in its place that holds them.
module.exports = {
  name: "bundled-docs",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]lib[\\/]http[\\/]document[\\/]docs-assets\.ts$/ }, ({ path }) => {
      const { readDocsAssets } = require(path)
      return {
        contents: `const assets = ${JSON.stringify(readDocsAssets())}\nexport const readDocsAssets = () => assets`,
        loader: "js",
      }
    })
  },
}
