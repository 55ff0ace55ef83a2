#!/bin/sh
# Makes handlers.js.gz, some functions of a release as one CommonJS file, from its commit: make.sh <commit>
set -eu
cd "$(dirname "$0")/../.."
here=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git archive "$1" | tar -x -C "$folder"
ln -s "$here/node_modules" "$folder/node_modules"
for name in create-message update-message get-message list-messages persist-writes index-messages; do
  echo "export { handler as \"$name\" } from \"./functions/$name.ts\""
done > "$folder/handlers.ts"
(cd "$folder" && node_modules/.bin/esbuild handlers.ts --bundle --minify --platform=node --target=node24 --format=cjs \
  "--external:@aws-lambda-powertools/*" "--external:@aws-sdk/*" "--external:@elastic/*" "--external:@smithy/*" \
  --external:ioredis --external:kysely --external:mysql2 --external:zod --outfile=handlers.js --log-level=warning)
gzip -9nc "$folder/handlers.js" > test/previous-release/handlers.js.gz
