// Sends each request of the collection once, to an application with one chat and one message, and checks each answer
// against the document.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import newman from "newman"

const REQUEST_LIMIT_MS = 15_000
const { BASE_URL, ADMIN_API_KEY, DOCUMENT } = process.env
const { paths } = JSON.parse(readFileSync(DOCUMENT, "utf8"))
const { item: folders, info } = JSON.parse(readFileSync("collection.json", "utf8"))
const nameOf = (method, path) => `${method.toUpperCase()} ${path}`
const operations = new Map(
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      operation.operationId === undefined ? [] : [[nameOf(method, path), operation]],
    ),
  ),
)

async function create(path, body) {
  const headers = { "content-type": "application/json", ...(ADMIN_API_KEY && { "x-api-key": ADMIN_API_KEY }) }
  const answer = await fetch(BASE_URL + path, { method: "POST", headers, body: JSON.stringify(body) })
  assert.equal(answer.status, 201, await answer.clone().text())
  return answer.json()
}

const requestsOf = (item) => item.item?.flatMap(requestsOf) ?? [item]

// Path variables and the key come from the collection's variables. A parameter without an example is left out, since a
// cursor can only come from an answer.
function withValues({ request }) {
  const { method, url } = request
  const name = nameOf(method, `/${url.path.map((part) => part.replace(/^:(.+)/, "{$1}")).join("/")}`)
  const examples = (operations.get(name)?.parameters ?? []).filter((parameter) => "example" in parameter)
  const variable = url.variable.map(({ key }) => ({ key, value: `{{${key}}}` }))
  const query = url.query.filter(({ key }) => examples.some((parameter) => parameter.name === key))
  const header = request.header.map(({ key, value }) => ({
    key,
    value: key === "Idempotency-Key" ? "{{$guid}}" : value,
  }))
  return { name, request: { ...request, url: { ...url, variable, query }, header } }
}

// Deletes come last, the deepest first, so that none removes what a later request needs.
const turn = ({ request }) => (request.method === "DELETE" ? 100 - request.url.path.length : 0)

// Returns how an answer differs from the documented success; undefined if it does not.
function difference(name, response) {
  const success = Object.entries(operations.get(name)?.responses ?? {}).filter(([status]) => status.startsWith("2"))
  const documented = success.find(([status]) => Number(status) === response.code)?.[1]
  if (documented === undefined) return `${response.code} ${response.text()}, not ${success.map(([status]) => status)}`
  const type = response.headers.get("content-type")?.split(";")[0]
  if (documented.content && !(type in documented.content)) return `${type}, not ${Object.keys(documented.content)}`
}

const { token } = await create("/applications", { name: "Walk" })
await create(`/applications/${token}/chats`, {})
await create(`/applications/${token}/chats/1/messages`, { body: "Hello, where is my parcel?" })
const values = {
  baseUrl: BASE_URL,
  token,
  chat_number: "1",
  number: "1",
  code: "not_found",
  bearerToken: ADMIN_API_KEY ?? "none",
}

const item = folders
  .flatMap(requestsOf)
  .map(withValues)
  .sort((a, b) => turn(a) - turn(b))
const variable = Object.entries(values).map(([key, value]) => ({ key, value }))
const run = newman.run({ collection: { info, item, variable }, timeoutRequest: REQUEST_LIMIT_MS })
const differing = new Set()
run.on("request", (error, { item: { name }, response }) => {
  const differs = error ? error.message : difference(name, response)
  console.log(`${name}: ${differs ?? response.code}`)
  if (differs !== undefined) differing.add(name)
})
await new Promise((resolve, reject) => run.on("done", (error) => (error ? reject(error) : resolve())))
assert.deepEqual(item.map(({ name }) => name).sort(), [...operations.keys()].sort())
assert.deepEqual([...differing], [], "not all requests were answered as documented")
