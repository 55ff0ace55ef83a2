// The function prepare-stores as it is packed: bundled with the plugins of serverless.yml, and called by CloudFormation.
import { once } from "node:events"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals"
import { build } from "esbuild"
import { sql } from "kysely"
import { connectMysql, type MysqlClient } from "../../lib/clients/mysql.ts"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"

/** A call starts a process, which makes tables and an index. */
const CALL_LIMIT_MS = 60_000

const stores = useTestStores()
jest.setTimeout(2 * CALL_LIMIT_MS)

let folder: string
let server: MysqlClient
let own: MysqlClient
let environment: Record<string, string>
let documents: Record<string, string>[]
const cloudFormation = createServer(async (request, response) => {
  let text = ""
  for await (const part of request) text += part
  documents.push(JSON.parse(text))
  response.end()
})

/** Bundles the function outside the repository, so that it cannot find the folder of the migrations. */
async function bundle(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "chat-backend-prepare-"))
  const plugins = createRequire(import.meta.url)(join(ROOT, "local", "esbuild-plugins.cjs"))
  const entryPoints = [join(ROOT, "functions", "prepare-stores.ts")]
  await build({ entryPoints, outdir: folder, bundle: true, platform: "node", format: "cjs", keepNames: true, plugins })
}

beforeAll(async () => {
  await once(cloudFormation.listen(0, "127.0.0.1"), "listening")
  await bundle()
  server = connectMysql(stores().config.MYSQL_URL)
}, CALL_LIMIT_MS)

beforeEach(async () => {
  documents = []
  const url = new URL(stores().config.MYSQL_URL)
  url.pathname = `${url.pathname}_prepare`
  environment = { MYSQL_URL: url.href, ELASTICSEARCH_INDEX: `${stores().config.ELASTICSEARCH_INDEX}-prepare` }
  own = connectMysql(url.href)
  await removeOwn()
  await sql`create database ${sql.id(url.pathname.slice(1))}`.execute(server.db)
})

afterEach(async () => {
  await own.close()
  await removeOwn()
})

afterAll(async () => {
  await server.close()
  await once(cloudFormation.close(), "close")
  await rm(folder, { recursive: true, force: true })
})

async function removeOwn(): Promise<void> {
  const { MYSQL_URL = "", ELASTICSEARCH_INDEX = "" } = environment
  await sql`drop database if exists ${sql.id(new URL(MYSQL_URL).pathname.slice(1))}`.execute(server.db)
  const all = { index: `${ELASTICSEARCH_INDEX}-v*`, allow_no_indices: true }
  const found = Object.keys(await stores().elasticsearch.indices.get(all))
  if (found.length > 0) await stores().elasticsearch.indices.delete({ index: found })
}

/** Calls the packed function in a new process, and returns what CloudFormation was told. */
async function call(RequestType: string, env: NodeJS.ProcessEnv = childEnvironment(environment)) {
  const event = {
    RequestType,
    ResponseURL: `http://127.0.0.1:${(cloudFormation.address() as AddressInfo).port}/`,
    StackId: "arn:aws:cloudformation:us-east-1:123456789012:stack/chat-backend-dev/5b1a0c60",
    RequestId: "request-1",
    LogicalResourceId: "PrepareStores",
  }
  const script = `
    const { handler } = require("./prepare-stores.js")
    const context = { functionName: "prepare-stores", getRemainingTimeInMillis: () => 900_000 }
    handler(${JSON.stringify(event)}, context).then(() => process.exit())`
  const { code, stderr } = await runNode(["-e", script], { cwd: folder, env, limitMs: CALL_LIMIT_MS })
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return documents.at(-1)
}

const executed = async (): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by timestamp, name`.execute(
    own.db,
  )
  return rows.map(({ name }) => name)
}
const migrations = async (): Promise<string[]> =>
  (await readdir(join(ROOT, "migrations"))).map((file) => file.replace(".ts", "")).sort()
const indexes = async (): Promise<string[]> =>
  Object.keys(await stores().elasticsearch.indices.get({ index: `${environment.ELASTICSEARCH_INDEX}-v*` }))

test("an empty database and no index: Create, twice at once, and Update: each migration once, in order, and one index", async () => {
  await Promise.all([call("Create"), call("Create")])
  expect(documents.map(({ Status }) => Status)).toEqual(["SUCCESS", "SUCCESS"])
  expect(await executed()).toEqual(await migrations())
  const built = await indexes()
  expect(built).toHaveLength(1)
  expect(await call("Update")).toMatchObject({ Status: "SUCCESS" })
  expect([await executed(), await indexes()]).toEqual([await migrations(), built])
})

test("tables of a newer release, as after a deployment that is rolled back: Update: leaves them and succeeds", async () => {
  await call("Create")
  const newer = { name: "99991231_000001_newer", timestamp: new Date().toISOString() }
  await sql`insert into kysely_migration values (${newer.name}, ${newer.timestamp})`.execute(own.db)
  expect(await call("Update")).toMatchObject({ Status: "SUCCESS" })
  expect(await executed()).toEqual([...(await migrations()), newer.name])
})

test("a statement that MySQL refuses: fails the deployment with the code, and without the statement", async () => {
  await sql`create table applications (name int)`.execute(own.db)
  const { Status, Reason } = (await call("Create")) ?? {}
  expect([Status, Reason]).toEqual([
    "FAILED",
    expect.stringContaining("The tables (MySQL) could not be prepared: ER_TABLE_EXISTS"),
  ])
  expect(Reason).not.toMatch(/create table|mysql:/)
})

test("a variable that is missing: fails the deployment with its name", async () => {
  const document = await call("Create", childEnvironment({ ...environment, MYSQL_URL: "" }))
  expect(document).toMatchObject({ Status: "FAILED", Reason: expect.stringContaining("MYSQL_URL") })
})

test("a stack that is deleted: needs no store, and the tables stay", async () => {
  await call("Create")
  expect(await call("Delete", { PATH: process.env.PATH })).toMatchObject({ Status: "SUCCESS" })
  expect(await executed()).toEqual(await migrations())
})
