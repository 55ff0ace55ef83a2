// The commands verify and reindex, each run as a process.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { beforeAll, describe, expect, jest, test } from "@jest/globals"
import { keyText } from "../../lib/events.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import { readTargets } from "../../lib/search/indexing/targets.ts"
import { reindex, searchedIndex } from "../../lib/search/rebuilding/reindex.ts"
import { ROOT } from "../../local/services/settings.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { documentsOf, rowsAsDocuments } from "../steps/documents.ts"
import { drainQueues, refreshIndex } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** A command takes some seconds, several times that on a busy machine. */
const COMMAND_LIMIT_MS = 60_000
jest.setTimeout(3 * COMMAND_LIMIT_MS)
/** So many that the copy is still running when the signal arrives. */
const MANY = 20_000
const INSERT_ROWS = 2_000

const ops = (args: string[]) =>
  runNode(["local/ops.ts", ...args], { cwd: ROOT, env: childEnvironment({}), limitMs: COMMAND_LIMIT_MS })

let token: string

beforeAll(async () => {
  await reindex(stores())
  token = await api.givenApplication()
  await api.givenMessage(token, await api.givenChat(token), "first body")
  await drainQueues(stores())
})

describe("ops verify", () => {
  test("with damage: names it and ends with 1; with --repair mends it and ends with 0, as then without", async () => {
    const { elasticsearch, config } = stores()
    const index = config.ELASTICSEARCH_INDEX
    await elasticsearch.delete({
      index,
      id: keyText({ application: token, chat: 1, message: 1 }),
      routing: token,
      refresh: true,
    })
    const found = await ops(["verify", "--json"])
    expect(found.code).toBe(1)
    const finding = { kind: "missing_document", count: 1, examples: [{ application: token, chat: 1, message: 1 }] }
    expect(JSON.parse(found.stdout)).toMatchObject({ messages: 1, findings: [finding], repaired: null })
    expect(found.stderr).toMatch(/^\{"progress":"messages","done":1,/m)

    const mended = await ops(["verify", "--repair", "--application", token])
    expect(mended.code).toBe(0)
    expect(mended.stdout).toMatch(/messages that search does not find[\s\S]*Repaired 1 documents[\s\S]*All is well/)
    expect(JSON.parse((await ops(["verify", "--json"])).stdout)).toMatchObject({ findings: [], documents: 1 })
  })

  test.each([
    ["of the right form", drawToken()],
    ["that is none", "x"],
    ["that is empty", ""],
  ])(
    "of an application that nobody knows, a token %s: says so on standard error and ends with 1",
    async (_, unknown) => {
      for (const more of [[], ["--repair"]]) {
        const ran = await ops(["verify", "--application", unknown, ...more])
        expect(ran).toMatchObject({ code: 1, stdout: "", stderr: `There is no application ${unknown}.\n` })
      }
      const { code, stdout } = await ops(["verify", "--application", unknown, "--json"])
      expect({ code, document: JSON.parse(stdout) }).toEqual({
        code: 1,
        document: { error: `There is no application ${unknown}.` },
      })
    },
  )

  test("of an application on its way, stored, and deleted and removed: looks, and ends with 0", async () => {
    const own = await api.givenApplication()
    const verifies = async () => expect(await ops(["verify", "--application", own])).toMatchObject({ code: 0 })
    await verifies()
    await drainQueues(stores())
    await verifies()
    await api.deleteApplication(own)
    await drainQueues(stores())
    await verifies()
  })

  test.each([["now"], ["--fast"]])("of %j: ends with 2", async (...args) => {
    expect((await ops(["verify", ...args])).code).toBe(2)
  })
})

describe("ops reindex", () => {
  test("killed amid its copy: search goes on; run again: builds the index and leaves one", async () => {
    const { mysql, elasticsearch, config } = stores()
    const alias = config.ELASTICSEARCH_INDEX
    const before = await searchedIndex(elasticsearch, alias)
    const now = new Date()
    const times = { revision: 5, created_at: now, updated_at: now }
    for (let from = 2; from < MANY; from += INSERT_ROWS) {
      const rows = Array.from({ length: INSERT_ROWS }, (_, i) => ({
        ...{ application: token, chat: 1, number: from + i, body: `body ${from + i}` },
        ...times,
      }))
      await mysql.insertInto("messages").values(rows).execute()
    }
    const child = spawn(process.execPath, ["local/ops.ts", "reindex"], {
      cwd: ROOT,
      env: childEnvironment({}),
      stdio: "ignore",
    })
    const building = await eventually(async () => {
      const targets = await readTargets(mysql, alias)
      expect(targets.building).not.toBeNull()
      return targets.building
    }, COMMAND_LIMIT_MS)
    child.kill("SIGKILL")
    await once(child, "close")
    expect(await searchedIndex(elasticsearch, alias)).toBe(before)
    expect(await readTargets(mysql, alias)).toMatchObject({ live: before, building })

    const again = await eventually(async () => {
      const ran = await ops(["reindex"])
      expect(ran.code).toBe(0)
      return ran
    }, COMMAND_LIMIT_MS)
    expect(again.stdout).toMatch(/messages copied in .* per second/)
    const { index, count } = await counted(alias)
    expect(index).not.toBe(before)
    expect(await readTargets(mysql, alias)).toMatchObject({ live: index, building: null })
    expect(count).toBe(await rowCount())
    await mysql.deleteFrom("messages").where("application", "=", token).where("number", ">", 5).execute()
    await reindex(stores())
    await refreshIndex(stores())
    expect(await documentsOf(stores())).toEqual(await rowsAsDocuments(stores()))
  })
})

async function counted(alias: string) {
  const { elasticsearch } = stores()
  await elasticsearch.indices.refresh({ index: alias })
  const found = Object.keys(await elasticsearch.indices.get({ index: `${alias}-v*` }))
  expect(found).toHaveLength(1)
  return { index: found[0], count: (await elasticsearch.count({ index: alias })).count }
}

async function rowCount(): Promise<number> {
  const row = await stores()
    .mysql.selectFrom("messages")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
