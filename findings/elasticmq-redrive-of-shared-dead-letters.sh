#!/usr/bin/env bash
# ElasticMQ 1.7.1: of a dead-letter queue that serves several queues, StartMessageMoveTask without a DestinationArn moves
# every message into one and the same of them, though each message still tells which queue it came from
# (DeadLetterQueueSourceArn). SQS returns each message to the queue it came from: without a destination they go back to
# "their respective original source queues" (API reference of StartMessageMoveTask). So the consumer of one queue meets
# messages of another, and only when the queue server is ElasticMQ. With a DestinationArn, or with a dead-letter queue
# for each queue, both do the same.
# Seen on 2026-11-28 (which of the two queues gets the messages depends on their names):
#   dead letters: ["for orders, from orders","for refunds, from refunds"]
#   moved: 2, each into its own queue: false, all into one queue: true
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38473}
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
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
const create = async (QueueName, Attributes = {}) => (await call("CreateQueue", { QueueName, Attributes })).QueueUrl
const receive = async (QueueUrl, VisibilityTimeout) =>
  (
    await call("ReceiveMessage", {
      QueueUrl,
      VisibilityTimeout,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ["DeadLetterQueueSourceArn"],
    })
  ).Messages ?? []

const dead = await create("dead-letters")
const { Attributes } = await call("GetQueueAttributes", { QueueUrl: dead, AttributeNames: ["QueueArn"] })
const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 1 })
const names = ["orders", "refunds"]
const sources = []
for (const name of names) {
  const QueueUrl = await create(name, { RedrivePolicy })
  await call("SendMessage", { QueueUrl, MessageBody: `for ${name}` })
  // The second receive is one too many, and moves the message.
  await receive(QueueUrl, 0)
  await receive(QueueUrl, 0)
  sources.push(QueueUrl)
}
const letters = (await receive(dead, 0)).map(
  ({ Body, Attributes }) => `${Body}, from ${Attributes?.DeadLetterQueueSourceArn?.split(":").pop()}`,
)
console.log(`dead letters: ${JSON.stringify(letters.sort())}`)

await call("StartMessageMoveTask", { SourceArn: Attributes.QueueArn })
const found = new Map(sources.map((url) => [url, []]))
const moved = () => [...found.values()].flat().length
for (const end = Date.now() + 10_000; moved() < 2 && Date.now() < end; ) {
  for (const [url, bodies] of found) bodies.push(...(await receive(url, 60)).map(({ Body }) => Body))
  await new Promise((resolve) => setTimeout(resolve, 200))
}
const own = sources.every((url, at) => found.get(url).join() === `for ${names[at]}`)
const one = [...found.values()].some((bodies) => bodies.length === 2)
console.log(`moved: ${moved()}, each into its own queue: ${own}, all into one queue: ${one}`)
JS
node ask.mjs "$port" | tee seen
diff seen - <<'SEEN'
dead letters: ["for orders, from orders","for refunds, from refunds"]
moved: 2, each into its own queue: false, all into one queue: true
SEEN
