// What a new process must fetch and parse before it can serve: the sizes of the zips, and what of them waits.
import { hash } from "node:crypto"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { openapiDocument } from "../../lib/http/document/openapi.ts"
import { readScalar } from "../../lib/http/document/scalar.ts"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { gatewayEvent, withJson } from "../steps/gateway-event.ts"
import { copyProject, type ProjectCopy } from "../steps/project-copy.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"
import { unzip } from "../steps/unzip.ts"

/** Bundling takes seconds, many times that on a busy machine. */
const PACKAGE_LIMIT_MS = 180_000
const GZIP = { "accept-encoding": "gzip" }
/** Bytes of a creation's zip: docs/decisions/0018-cold-start.md. */
const CREATION_ZIP_MAX = 305_000
/** Bytes of the zips that have the client of Elasticsearch, too. */
const ANY_ZIP_MAX = 600_000
/** Bytes of the zip that has the files of the docs page: docs/decisions/0028-reference-page.md. */
const DOCS_ZIP_MAX = 1_700_000

useTestStores()
jest.setTimeout(PACKAGE_LIMIT_MS)
let project: ProjectCopy
let sizes: [string, number][]

beforeAll(async () => {
  project = await copyProject()
  const serverless = join(ROOT, "node_modules", ".bin", "serverless")
  const env = { ...process.env, SLS_NOTIFICATIONS_MODE: "off", SLS_TELEMETRY_DISABLED: "1" }
  const options = { cwd: project.folder, env, limitMs: PACKAGE_LIMIT_MS }
  const { code, stdout, stderr } = await runNode([serverless, "package", "--stage", "dev", "--package", "out"], options)
  if (code !== 0) throw new Error(`serverless package: ${stdout}${stderr}`)
  const zips = (await readdir(join(project.folder, "out"))).filter((file) => file.endsWith(".zip"))
  const sizeOf = async (zip: string) => (await stat(join(project.folder, "out", zip))).size
  sizes = await Promise.all(zips.map(async (zip): Promise<[string, number]> => [zip, await sizeOf(zip)]))
}, PACKAGE_LIMIT_MS)

afterAll(async () => {
  await project?.remove()
})

/** Unpacks a function's zip into a folder of its own, and returns the folder. */
async function unpack(name: string): Promise<string> {
  const folder = join(project.folder, "unpacked", name)
  await mkdir(join(folder, "functions"), { recursive: true })
  for (const [path, content] of unzip(await readFile(join(project.folder, "out", `${name}.zip`))))
    await writeFile(join(folder, path), content)
  return folder
}

test("of a creation: called in a fresh process: creates without compiling the deferred packages", async () => {
  const folder = await unpack("create-application")
  const text = await readFile(join(folder, "functions", "create-application.js"), "utf8")
  expect(text).toMatch(/"kysely\.js".*"mysql2\.js"/s)
  const event = gatewayEvent(withJson({ name: "from a zip" }, { path: "/applications" }))
  const script = `
    const vm = require("node:vm")
    const compiled = []
    const { compileFunction } = vm
    vm.compileFunction = (text, names, options) => (compiled.push(options.filename), compileFunction(text, names, options))
    const { handler } = require("./functions/create-application.js")
    handler(${JSON.stringify(event)}, { awsRequestId: "invocation-1", functionName: "f" }).then(({ statusCode }) => {
      console.log(JSON.stringify({ statusCode, compiled }))
      process.exit()
    })`
  const env = childEnvironment({ LOG_LEVEL: "SILENT" })
  // The first creations after a start may wait for a recovery, which asks MySQL.
  await runNode(["-e", script], { cwd: folder, env, limitMs: PACKAGE_LIMIT_MS })
  const { stdout } = await runNode(["-e", script], { cwd: folder, env, limitMs: PACKAGE_LIMIT_MS })
  expect(JSON.parse(stdout)).toEqual({ statusCode: 201, compiled: [] })
})

test("of a creation: has the schema of its requests, but none of answers or other operations", async () => {
  const text = await readFile(join(await unpack("create-message"), "functions", "create-message.js"), "utf8")
  const declared = ["MessageInput", "MessageReplacement", "SearchInput", "ApplicationSearchHit", "The new message."]
  expect(declared.filter((declaration) => text.includes(declaration))).toEqual(["MessageInput"])
})

test("of the OpenAPI document: called in a fresh process: answers the whole document", async () => {
  const event = gatewayEvent({ path: "/openapi.json" })
  const script = `
    const { handler } = require("./functions/get-openapi.js")
    handler(${JSON.stringify(event)}, { awsRequestId: "invocation-1", functionName: "f" }).then(({ body }) => {
      console.log(body)
    })`
  const env = childEnvironment({ LOG_LEVEL: "SILENT" })
  const { stdout } = await runNode(["-e", script], { cwd: await unpack("get-openapi"), env, limitMs: PACKAGE_LIMIT_MS })
  expect({ ...JSON.parse(stdout), servers: [] }).toEqual({
    ...JSON.parse(JSON.stringify(openapiDocument())),
    servers: [],
  })
})

test("the zip of each creation: is small", () => {
  const creations = sizes.filter(([zip]) => zip.startsWith("create-"))
  expect(creations.map(([zip]) => zip).sort()).toEqual([
    "create-application.zip",
    "create-chat.zip",
    "create-message-batch.zip",
    "create-message.zip",
  ])
  expect(creations.filter(([, size]) => size > CREATION_ZIP_MAX)).toEqual([])
})

test("the zip of the docs page: has its files, compressed", async () => {
  const folder = await unpack("get-docs")
  const event = gatewayEvent({ path: "/docs/scalar.js", pathParameters: { asset: "scalar.js" }, headers: GZIP })
  const script = `
    const { gunzipSync } = require("node:zlib")
    const { handler } = require("./functions/get-docs.js")
    handler(${JSON.stringify(event)}, { awsRequestId: "invocation-1", functionName: "f" }).then(({ body }) => {
      console.log(require("node:crypto").hash("sha256", gunzipSync(Buffer.from(body, "base64"))))
    })`
  const env = childEnvironment({ LOG_LEVEL: "SILENT" })
  const { stdout } = await runNode(["-e", script], { cwd: folder, env, limitMs: PACKAGE_LIMIT_MS })
  expect(stdout.trim()).toBe(hash("sha256", readScalar()))
  expect(Object.fromEntries(sizes)["get-docs.zip"]).toBeLessThan(DOCS_ZIP_MAX)
})

test("every other zip: is at most twice that of a creation, and has nothing of the docs page", async () => {
  expect(sizes.length).toBeGreaterThan(20)
  const others = sizes.filter(([zip]) => zip !== "get-docs.zip")
  expect(others.filter(([, size]) => size > ANY_ZIP_MAX)).toEqual([])
  for (const name of ["get-problem", "get-openapi", "create-message"]) {
    const text = await readFile(join(await unpack(name), "functions", `${name}.js`), "utf8")
    expect([name, text.includes("scalar.js")]).toEqual([name, false])
  }
})
