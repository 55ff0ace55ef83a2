#!/usr/bin/env bash
# @hey-api/openapi-ts 0.99.0: an input such as `docs/openapi.json` is not taken for a file, since it has a slash and does not
# begin with a dot: it is taken for the name of a project on the generator's own platform. `./docs/openapi.json` is the
# file. local/client-types.ts gives the document itself instead of a path.
# Seen on 2026-11-29:
#   docs/openapi.json: Invalid Hey API shorthand format. Expected "organization/project?queryParams" or "organization/project", received: docs/openapi.json
#   ./docs/openapi.json: types were written
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >log
npm install --no-audit --no-fund @hey-api/openapi-ts@0.99.0 typescript@6.0.3 >>log 2>&1
mkdir docs
echo '{"openapi":"3.1.0","info":{"title":"Notes","version":"1"},"paths":{},"components":{"schemas":{"Note":{"type":"string"}}}}' >docs/openapi.json
cat >generate.mjs <<'MJS'
import { createClient } from "@hey-api/openapi-ts"
const [input] = process.argv.slice(2)
const logs = { level: "silent", file: false }
await createClient({ input, output: "types", plugins: ["@hey-api/typescript"], logs }).then(
  () => console.log(`${input}: types were written`),
  (error) => console.log(`${input}: ${error.message}`),
)
MJS
for input in docs/openapi.json ./docs/openapi.json; do node generate.mjs "$input" 2>>log | grep "^$input: "; done | tee seen
diff seen - <<'SEEN'
docs/openapi.json: Invalid Hey API shorthand format. Expected "organization/project?queryParams" or "organization/project", received: docs/openapi.json
./docs/openapi.json: types were written
SEEN
