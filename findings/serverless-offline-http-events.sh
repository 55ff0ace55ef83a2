#!/usr/bin/env bash
# serverless-offline 14.8.2 (under osls 4.3.1) gives a function another request than API Gateway's HTTP API does:
#   - of a header sent twice the event has the last value only; AWS documents both, joined by a comma;
#   - a body without a Content-Type comes with `content-type: application/json`, which the client never sent;
#   - a JSON text as a body ("hello") comes without its quotes;
#   - an answer with a status of 200 is cut to the bytes that a Range header asks for, as 206.
# Seen on 2026-11-28:
#   repeated header: "2"
#   type of a body without one: "application/json"
#   body "hello": "hello"
#   status with Range bytes=0-3: 206
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38471}
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund serverless@npm:osls@4.3.1 serverless-offline@14.8.2
cat >serverless.yml <<'YML'
service: echo
frameworkVersion: "4"
plugins: [serverless-offline]
provider: { name: aws, runtime: nodejs20.x }
functions:
  echo: { handler: echo.handler, events: [httpApi: "*"] }
YML
cat >echo.js <<'JS'
exports.handler = async ({ headers, body }) => ({ statusCode: 200, body: JSON.stringify({ a: headers["x-a"], type: headers["content-type"], body }) })
JS
node_modules/.bin/serverless offline start --httpPort "$port" --lambdaPort "$((port + 1))" >log 2>&1 &
server=$!
for _ in $(seq 60); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 1; done
cat >ask.mjs <<'JS'
import { connect } from "node:net"
const ask = (lines, body = "") =>
  new Promise((resolve) => {
    const socket = connect(Number(process.argv[2]), "127.0.0.1")
    let text = ""
    socket.on("data", (data) => (text += data)).on("close", () => resolve(text))
    socket.write([...lines, "Host: localhost", "Connection: close", `Content-Length: ${body.length}`, "", body].join("\r\n"))
  })
const json = (answer) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))
const twice = json(await ask(["GET / HTTP/1.1", "X-A: 1", "X-A: 2"]))
const untyped = json(await ask(["POST / HTTP/1.1"], "{}"))
const text = json(await ask(["POST / HTTP/1.1", "Content-Type: application/json"], '"hello"'))
const part = await ask(["GET / HTTP/1.1", "Range: bytes=0-3"])
console.log(`repeated header: ${JSON.stringify(twice.a)}`)
console.log(`type of a body without one: ${JSON.stringify(untyped.type)}`)
console.log(`body "hello": ${JSON.stringify(text.body)}`)
console.log(`status with Range bytes=0-3: ${part.split(" ")[1]}`)
JS
node ask.mjs "$port" | tee seen
diff seen - <<'SEEN'
repeated header: "2"
type of a body without one: "application/json"
body "hello": "hello"
status with Range bytes=0-3: 206
SEEN
