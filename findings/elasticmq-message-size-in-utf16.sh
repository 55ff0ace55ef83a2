#!/usr/bin/env bash
# ElasticMQ 1.7.1 with `sqs-limits = strict`: the limit of a message's size counts UTF-16 code units of its body. SQS
# counts bytes of UTF-8, those of the attributes too, of one message and of a batch together: "1,048,576 bytes" (API
# reference of SendMessage and SendMessageBatch). So ElasticMQ takes a body of three times as many bytes as SQS does, if
# it is of CJK characters, and twice as many if it is of emoji.
# Seen on 2026-11-28 (a body at the limit of 1,048,576 code units, one of a character more, and two that together have it):
#   U+0061: 1048576 bytes taken, 1048577 bytes refused, a batch of 1048576 bytes taken
#   U+00E9: 2097152 bytes taken, 2097154 bytes refused, a batch of 2097152 bytes taken
#   U+8A9E: 3145728 bytes taken, 3145731 bytes refused, a batch of 3145728 bytes taken
#   U+1F600: 2097152 bytes taken, 2097156 bytes refused, a batch of 2097152 bytes taken
#   1048576 bytes of body and an attribute of 1000: taken
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38474}
trap 'kill "${server:-0}" 2>/dev/null && wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>elasticmq</artifactId><version>0</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>1.7.1</version></dependency>
  </dependencies>
</project>
XML
mvn -B -q -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars -DincludeScope=runtime
cat >queues.conf <<CONF
include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = $port, context-path = "" }
rest-sqs { enabled = true, bind-port = $port, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
CONF
java -Xmx256m -Dconfig.file=queues.conf -cp 'jars/*' org.elasticmq.server.Main >log 2>&1 &
server=$!
for _ in $(seq 60); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 1; done
cat >ask.mjs <<'JS'
const call = async (action, body) => {
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` }
  const answer = await fetch(`http://127.0.0.1:${process.argv[2]}/`, { method: "POST", headers, body: JSON.stringify(body) })
  return { ok: answer.ok, ...(await answer.json()) }
}
const UNITS_MAX = 1_048_576
const { QueueUrl } = await call("CreateQueue", { QueueName: "sizes" })
const bytes = (text) => `${Buffer.byteLength(text)} bytes`
const fate = ({ ok, Failed = [] }) => (ok && Failed.length === 0 ? "taken" : "refused")
const send = async (MessageBody, MessageAttributes = {}) =>
  fate(await call("SendMessage", { QueueUrl, MessageBody, MessageAttributes }))
const sendHalves = async (half) =>
  fate(
    await call("SendMessageBatch", { QueueUrl, Entries: ["a", "b"].map((Id) => ({ Id, MessageBody: half })) }),
  )

for (const code of [0x61, 0xe9, 0x8a9e, 0x1f600]) {
  const character = String.fromCodePoint(code)
  const half = character.repeat(UNITS_MAX / 2 / character.length)
  const full = half + half
  const over = full + character
  const name = code.toString(16).toUpperCase().padStart(4, "0")
  console.log(
    `U+${name}: ${bytes(full)} ${await send(full)}, ${bytes(over)} ${await send(over)}, a batch of ${bytes(full)} ${await sendHalves(half)}`,
  )
}
const attributed = await send("a".repeat(UNITS_MAX), { note: { DataType: "String", StringValue: "b".repeat(1000) } })
console.log(`${UNITS_MAX} bytes of body and an attribute of 1000: ${attributed}`)
JS
node ask.mjs "$port" | tee seen
diff seen - <<'SEEN'
U+0061: 1048576 bytes taken, 1048577 bytes refused, a batch of 1048576 bytes taken
U+00E9: 2097152 bytes taken, 2097154 bytes refused, a batch of 2097152 bytes taken
U+8A9E: 3145728 bytes taken, 3145731 bytes refused, a batch of 3145728 bytes taken
U+1F600: 2097152 bytes taken, 2097156 bytes refused, a batch of 2097152 bytes taken
1048576 bytes of body and an attribute of 1000: taken
SEEN
