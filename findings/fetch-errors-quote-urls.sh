#!/usr/bin/env bash
# Deno 2.9.6 and Bun 1.4.5: when fetch cannot connect, its error quotes the whole URL, in Deno in the message of `cause`,
# in Bun in the member `path`. Node.js 20 and 24 name only the address. A program that logs such an error, or passes it on
# as the `cause` of its own, logs secrets that are in a path, as tokens are here. The client (client/src/connection.ts)
# passes on the error's code alone.
# Seen on 2026-11-29:
#   Node.js: Error: connect ECONNREFUSED 127.0.0.1:9999
#   Deno: Error: error sending request for url (http://127.0.0.1:9999/secret): client error (Connect): tcp connect error: Connection refused (os error 111)
#   Bun: http://127.0.0.1:9999/secret
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >log
npm install --no-audit --no-fund deno@2.9.6 bun@1.4.5 >>log 2>&1
echo 'await fetch("http://127.0.0.1:9999/secret").catch((error) => console.log(error.path ?? String(error.cause)))' >get.mjs
{
  echo "Node.js: $(node get.mjs)"
  echo "Deno: $(node_modules/.bin/deno run --allow-net get.mjs)"
  echo "Bun: $(node_modules/.bin/bun get.mjs)"
} | tee seen
diff seen - <<'SEEN'
Node.js: Error: connect ECONNREFUSED 127.0.0.1:9999
Deno: Error: error sending request for url (http://127.0.0.1:9999/secret): client error (Connect): tcp connect error: Connection refused (os error 111)
Bun: http://127.0.0.1:9999/secret
SEEN
