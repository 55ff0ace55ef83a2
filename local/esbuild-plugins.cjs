// What serverless.yml gives to esbuild; docs/decisions/0018-cold-start.md says what each is good for.
module.exports = [
  require("./bundle/commonjs-output.cjs"),
  require("./bundle/bundled-migrations.cjs"),
  require("./bundle/bundled-docs.cjs"),
  require("./bundle/deferred.cjs"),
  require("./bundle/lean-ioredis.cjs"),
  require("./bundle/lean-mysql2.cjs"),
  require("./bundle/lean-operations.cjs"),
  require("./bundle/end-on-errors.cjs"),
]
