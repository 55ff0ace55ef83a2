// Sends the requests of docs/chat.postman_collection.json and of docs/chat.http in their order, and checks the answers:
// the former by the collection's own tests, the latter by their statuses.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { openSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import newman from "newman"

const REQUEST_LIMIT_MS = 15_000
const { BASE_URL, CONFIGS } = process.env
const [adminKey = "none"] = (process.env.ADMIN_API_KEY ?? "").split(/[\s,]+/).filter((key) => key !== "")
const docs = join(CONFIGS, "..", "docs")
const collection = JSON.parse(readFileSync(join(docs, "chat.postman_collection.json"), "utf8"))
const requests = collection.item.flatMap(({ item }) => item)

const envVar = Object.entries({ baseUrl: BASE_URL, adminKey }).map(([key, value]) => ({ key, value }))
const summary = await promisify(newman.run)({ collection, envVar, timeoutRequest: REQUEST_LIMIT_MS })
const { stats, failures, executions } = summary.run
for (const { error, source } of failures) console.log(`${source?.name}: ${error.message}`)
console.log(`newman: ${stats.requests.total} requests, ${stats.assertions.total} checks, ${failures.length} failed`)
assert.equal(failures.length, 0)
assert.deepEqual(
  [...new Set(executions.map(({ item }) => item.name))],
  requests.map(({ name }) => name),
)
assert.ok(stats.assertions.total > 2 * requests.length)

const settings = { baseUrl: BASE_URL, adminKey }
const file = readFileSync(join(docs, "chat.http"), "utf8")
const own = Object.entries(settings).reduce(
  (text, [name, value]) => text.replace(new RegExp(`^@${name} = .*$`, "m"), () => `@${name} = ${value}`),
  file,
)
writeFileSync("chat.http", own)
// To a file: httpYac ends before a pipe has taken all that it prints.
const output = openSync("sent.json", "w")
const httpyac = spawn(join("node_modules", ".bin", "httpyac"), ["send", "chat.http", "--all", "--json"], {
  stdio: ["ignore", output, "inherit"],
})
await once(httpyac, "exit")
const { requests: answered } = JSON.parse(readFileSync("sent.json", "utf8"))
const sent = answered.map(({ name, response }) => [name, response?.statusCode])
const wanted = file
  .split(/^### /m)
  .slice(1)
  .map((text) => [/^# @name (\w+)$/m.exec(text)?.[1], /^# Answers (\d+)\.$/m.exec(text)?.[1]])
console.log(`httpYac: ${sent.length} requests`)
assert.equal(sent.length, requests.length)
for (const [index, [name, status]] of sent.entries()) {
  const [wantedName, fails] = wanted[index]
  assert.equal(name, wantedName)
  if (fails === undefined) assert.ok(status >= 200 && status < 300, `${name}: ${status}`)
  else assert.equal(String(status), fails, name)
}
