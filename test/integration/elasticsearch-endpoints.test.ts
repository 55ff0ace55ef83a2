// How Elasticsearch is reached by HTTPS: with a private authority, a key or a password, and a path.
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { log } from "../../lib/log.ts"
import { prepareStores } from "../../lib/operate/prepare-stores.ts"
import { type Certificates, makeCertificates } from "../../local/services/certificates.ts"
import { ROOT } from "../../local/services/settings.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { drainQueues, refreshIndex } from "../steps/drain.ts"
import { type ElasticsearchFront, startElasticsearchFront } from "../steps/elasticsearch-front.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const COMMAND_LIMIT_MS = 40_000
const KEY = "a2V5LW9mLXRlc3RzOm5vYm9keS1rbm93cw=="
const PASSWORD = "pass/word@of:tests"
const BASIC = `Basic ${Buffer.from(`chat:${PASSWORD}`).toString("base64")}`
const PREFIX = "/a/path"

const stores = useTestStores()
const api = chatApi(directTransport())
let folder: string
let certificates: Certificates
const fronts: ElasticsearchFront[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-elasticsearch-tls-"))
  certificates = await makeCertificates(folder, "DNS:localhost")
})
afterEach(() => {
  jest.restoreAllMocks()
  for (const front of fronts.splice(0)) front.close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Starts a front, and returns what it has seen and how URLs of it are written. */
async function givenFront(authorization: string, prefix = "") {
  const [key, cert] = [certificates.keyFile, certificates.certificateFile].map((file) =>
    readFileSync(file, "utf8"),
  ) as [string, string]
  const front = await startElasticsearchFront(stores().config.ELASTICSEARCH_URL, { key, cert, authorization, prefix })
  fronts.push(front)
  const url = (userinfo = "", host = "localhost") => `https://${userinfo}${host}:${front.port}${prefix}`
  return { url, seen: front.seen, host: `localhost:${front.port}` }
}

const searchOnce = async (query: string) => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  return api.searchMessages(token, chat, { query })
}

const status = (changes: Record<string, string>) =>
  runNode(["local/ops.ts", "status", "--json"], {
    cwd: ROOT,
    env: childEnvironment(changes),
    limitMs: COMMAND_LIMIT_MS,
  })

describe("by a process that trusts the authority", () => {
  const before = getCACertificates()
  beforeAll(() => setDefaultCACertificates([...before, certificates.authority]))
  afterAll(() => setDefaultCACertificates(before))

  test("a key: builds an index, fills it and finds in it, and each request has the key and names the host", async () => {
    const { url, seen, host } = await givenFront(`ApiKey ${KEY}`)
    const index = `${stores().config.ELASTICSEARCH_INDEX}-by-key`
    const changes = { ELASTICSEARCH_URL: url(), ELASTICSEARCH_API_KEY: KEY, ELASTICSEARCH_INDEX: index }
    try {
      await withEnvironment(changes, async (own) => {
        await prepareStores(own)
        const { token, chat } = await givenWorld(api, own, "stored")
        const message = await api.givenMessage(token, chat, "found by a key")
        await drainQueues(own)
        await refreshIndex(own)
        const { data } = expectStatus(await api.searchMessages(token, chat, { query: "by a key" }), 200)
        expect(data.map(({ number }: { number: number }) => number)).toEqual([message])
        expect(expectStatus(await api.call({ path: "/health/ready" }), 200).dependencies.elasticsearch.state).toBe("up")
      })
    } finally {
      const { elasticsearch } = stores()
      const built = Object.keys(await elasticsearch.indices.get({ index: `${index}-v*` }))
      if (built.length > 0) await elasticsearch.indices.delete({ index: built })
    }
    expect([...seen.authorizations]).toEqual([`ApiKey ${KEY}`])
    expect([[...seen.names], [...seen.hosts]]).toEqual([["localhost"], [host]])
  })

  test("a user with an encoded password, and a path, in the URL: are used", async () => {
    const { url, seen } = await givenFront(BASIC, PREFIX)
    await withEnvironment({ ELASTICSEARCH_URL: url(`chat:${encodeURIComponent(PASSWORD)}@`) }, async () => {
      expectStatus(await searchOnce("anything"), 200)
    })
    expect([...seen.authorizations]).toEqual([BASIC])
  })

  test("a key beside a user in the URL: the key is used", async () => {
    const { url, seen } = await givenFront(`ApiKey ${KEY}`)
    const changes = { ELASTICSEARCH_URL: url("chat:other@"), ELASTICSEARCH_API_KEY: KEY }
    await withEnvironment(changes, async () => void expectStatus(await searchOnce("anything"), 200))
    expect([...seen.authorizations]).toEqual([`ApiKey ${KEY}`])
  })

  test.each([
    ["a key", { userinfo: "", ELASTICSEARCH_API_KEY: KEY }],
    ["a password", { userinfo: `chat:${encodeURIComponent(PASSWORD)}@` }],
  ])("%s that is refused: searches are 503, and no line of the log has it", async (_what, { userinfo, ...more }) => {
    const { url } = await givenFront("ApiKey another")
    const lines: string[] = []
    for (const name of ["warn", "error"] as const)
      jest.spyOn(log, name).mockImplementation((...args) => void lines.push(JSON.stringify(args)))
    await withEnvironment({ ELASTICSEARCH_URL: url(userinfo), ...more }, async () => {
      expectUnavailable(await searchOnce("anything"))
    })
    expect(lines.join("\n")).toContain("login refused")
    expect(secretsIn(lines.join("\n"))).toEqual([])
  })

  test("a host for which the certificate is not: is refused", async () => {
    const { url, seen } = await givenFront(`ApiKey ${KEY}`)
    const changes = { ELASTICSEARCH_URL: url("", "127.0.0.1"), ELASTICSEARCH_API_KEY: KEY }
    await withEnvironment(changes, async () => expectUnavailable(await searchOnce("anything")))
    expect([...seen.authorizations]).toEqual([])
  })
})

/** Returns what of the key and the password is in a text, in any of its forms. */
function secretsIn(text: string): string[] {
  return [KEY, PASSWORD, encodeURIComponent(PASSWORD), BASIC.slice("Basic ".length)].filter((one) => text.includes(one))
}

test("a command for which NODE_EXTRA_CA_CERTS names the authority reaches it, and one without does not; neither prints the key", async () => {
  const { url } = await givenFront(`ApiKey ${KEY}`)
  const changes = { ELASTICSEARCH_URL: url(), ELASTICSEARCH_API_KEY: KEY }
  const trusting = await status({ ...changes, NODE_EXTRA_CA_CERTS: certificates.authorityFile })
  expect(JSON.parse(trusting.stdout).dependencies.elasticsearch).toMatchObject({ state: "up" })
  const other = await status(changes)
  expect(JSON.parse(other.stdout).dependencies.elasticsearch).toMatchObject({ state: "down" })
  expect(JSON.parse(other.stdout).problems).toContainEqual(
    expect.stringMatching(/^elasticsearch is away .*certificate/),
  )
  const printed = [trusting, other].map(({ stdout, stderr }) => stdout + stderr).join("\n")
  expect(secretsIn(printed)).toEqual([])
})
