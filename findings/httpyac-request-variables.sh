#!/usr/bin/env bash
# httpYac 6.16.7 runs .http files as REST Client for VS Code does, but does not know how these let a request use the
# answer of another one. REST Client and Visual Studio write {{name.response.body.$.member}} and
# {{name.response.headers.name}}; httpYac evaluates the braces as JavaScript, in which `name` is the answer's body itself,
# so the request fails. It has {{name.member}} instead, which REST Client does not know. And a line that gives a variable
# no value, in REST Client an empty text, is to httpYac a request, with that line as its URL.
# So .ci/clients.d/collections/httpyac.config.cjs replaces the former before httpYac reads them, and docs/chat.http gives
# each variable a value.
# Seen on 2026-11-29:
#   of httpYac: GET /notes/7
#   of REST Client: failed: Cannot read properties of undefined (reading 'body')
#   of an empty variable: failed: Invalid URL: @empty =
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund httpyac@6.16.7
port=${PORT:-38477}
cat >server.mjs <<'JS'
import { createServer } from "node:http"
createServer((request, response) => {
  if (request.method === "GET") console.log(`GET ${request.url}`)
  response.setHeader("content-type", "application/json").end('{"number":7}')
}).listen(Number(process.argv[2]), "127.0.0.1")
JS
node server.mjs "$port" >log &
server=$!
sleep 1

try() { # what, the path of the second request, the first line
  cat >notes.http <<HTTP
${3:-}

### Create
# @name create
POST http://127.0.0.1:$port/notes

### Read
GET http://127.0.0.1:$port/notes$2
HTTP
  : >log
  answer=$(node_modules/.bin/httpyac send notes.http --all --no-color 2>&1) || true
  failure=$(printf '%s\n' "$answer" | sed -n 's/^✖ \(.*\) ([A-Za-z]*Error.*/\1/p' | head -n 1)
  if [ -n "$failure" ]; then echo "$1: failed: $failure"; else echo "$1: $(tail -n 1 log)"; fi
}
try "of httpYac" "/{{create.number}}"
try "of REST Client" '/{{create.response.body.$.number}}'
try "of an empty variable" "/{{create.number}}" "@empty ="
