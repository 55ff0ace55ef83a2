/** The servers that run on Java: how each is started from its assembled jars, and what makes it load its classes. */
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { indexDefinition } from "../../lib/search/indexing/index-mapping.ts"
import type { Program } from "../supervisor.ts"
import { type Assembled, LAUNCHER } from "./assemble.ts"
import { isReady } from "./probe.ts"
import { ROOT } from "./settings.ts"

/** Servers answer within seconds, but later on a busy machine or when a database recovers after a kill. */
export const READY_LIMIT_MS = 120_000
/** A database flushes its log and stops well within this. */
export const STOP_LIMIT_MS = 10_000

/** Each grows from its first size when there is more to hold; what it has once taken it keeps. */
const HEAPS = {
  elasticmq: { first: "32m", max: "256m" },
  elasticsearch: { first: "64m", max: "512m" },
} as const satisfies Record<Assembled, object>

/** Where a server runs: `home` holds its jars, `data` what it keeps, `tmp` is emptied at each start. */
export type JavaPlace = { java: string; home: string; tmp: string; data: string; port: number }

const urlOf = ({ port }: JavaPlace) => `http://127.0.0.1:${port}`

const jvmArgs = async (name: Assembled, { tmp }: JavaPlace) => {
  await rm(tmp, { recursive: true, force: true })
  await mkdir(tmp, { recursive: true })
  return [
    `-Xms${HEAPS[name].first}`,
    `-Xmx${HEAPS[name].max}`,
    // The collector that needs the least beside the heap; one this small has no long pauses.
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${tmp}`,
  ]
}

const ownArgs: Record<Assembled, (place: JavaPlace) => string[]> = {
  elasticmq: ({ home, port }) => [
    `-Dconfig.file=${join(ROOT, "elasticmq.conf")}`,
    "-Drest-sqs.bind-hostname=127.0.0.1",
    `-Drest-sqs.bind-port=${port}`,
    `-Dnode-address.port=${port}`,
    "-cp",
    join(home, "jars", "*"),
    "org.elasticmq.server.Main",
  ],
  elasticsearch: ({ home, data, port }) => [
    "--enable-native-access=ALL-UNNAMED",
    `-Dlog4j.configurationFile=${join(ROOT, "local", "native", "log4j2.xml")}`,
    `-Des.path.home=${join(home, "home")}`,
    "-cp",
    `${join(home, LAUNCHER)}:${join(home, "jars", "*")}`,
    "chat.search.ElasticsearchLauncher",
    join(home, "home"),
    data,
    `${port}`,
  ],
}

export const JAVA_LABELS: Record<Assembled, string> = { elasticmq: "ElasticMQ", elasticsearch: "Elasticsearch" }

/** Returns how a server is started; `more` are further arguments of the JVM. */
export const javaProgram = async (name: Assembled, place: JavaPlace, more: readonly string[]): Promise<Program> => ({
  name,
  label: JAVA_LABELS[name],
  command: place.java,
  args: [...(await jvmArgs(name, place)), ...more, ...ownArgs[name](place)],
  isReady: () => isReady(name, urlOf(place)),
  readyLimitMs: READY_LIMIT_MS,
  stopLimitMs: STOP_LIMIT_MS,
})

/** Enough calls that the JVM notes where its code is busy, in a second or two. */
const ROUNDS = 40
/** Of one bulk request, as a small batch of the consumer has. */
const DOCUMENTS = 250
/** A single trigram, and phrases of them. */
const SEARCHES = ["fox", "ck br", "parcel is on"]
const INDEX = "exercise"

async function ask(url: string, init: RequestInit): Promise<void> {
  const answer = await fetch(url, init)
  await answer.text()
  if (!answer.ok) throw new Error(`${new URL(url).pathname}: ${answer.status}`)
}

const askJson = (url: string, method: string, body: string) =>
  ask(url, { method, headers: { "content-type": "application/json" }, body })

/** Has a server do what the API has it do, so that the JVM loads the classes for it. */
export const exercise: Record<Assembled, (place: JavaPlace) => Promise<void>> = {
  async elasticmq(place) {
    const queue = `${urlOf(place)}/000000000000/persist-writes`
    const call = (operation: string, input: object) =>
      ask(urlOf(place), {
        method: "POST",
        headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${operation}` },
        body: JSON.stringify({ QueueUrl: queue, ...input }),
      })
    const Entries = Array.from({ length: 10 }, (_, index) => ({
      Id: `${index}`,
      MessageBody: JSON.stringify([{ revision: "1", body: "x".repeat(1_000) }]),
    }))
    for (let round = 0; round < ROUNDS; round++) {
      await call("SendMessageBatch", { Entries })
      await call("ReceiveMessage", { MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["All"] })
    }
  },
  async elasticsearch(place) {
    const url = urlOf(place)
    await askJson(`${url}/${INDEX}`, "PUT", JSON.stringify(indexDefinition()))
    for (let round = 0; round < ROUNDS; round++) {
      const lines = Array.from({ length: DOCUMENTS }, (_, index) => {
        const text = `message ${round * DOCUMENTS + index}: the quick brown fox, and the parcel is on its way`
        const document = { application: "a", chat_key: "a/1", number: index, body: text, folded_body: text }
        return `${JSON.stringify({ index: { routing: "a" } })}\n${JSON.stringify(document)}\n`
      })
      await askJson(`${url}/${INDEX}/_bulk`, "POST", lines.join(""))
    }
    await askJson(`${url}/${INDEX}/_refresh`, "POST", "")
    for (const query of SEARCHES) {
      const match = { match_phrase: { "folded_body.grams_3": query } }
      const search = { query: { bool: { filter: [match] } }, sort: [{ number: "desc" }], size: 20 }
      await askJson(`${url}/${INDEX}/_search?routing=a`, "POST", JSON.stringify(search))
    }
  },
}
