// The operator's commands, each run as a process, with its output and exit code.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { describe, expect, jest, test } from "@jest/globals"
import type { WriteEvent } from "../../lib/events.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import { ROOT } from "../../local/services/settings.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { drainQueues } from "../steps/drain.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { away, useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** A command takes about a second, several times that on a busy machine. */
const COMMAND_LIMIT_MS = 25_000
/** Some tests run several commands. */
const TEST_LIMIT_MS = 120_000
jest.setTimeout(TEST_LIMIT_MS)

const ops = (args: string[], changes: Record<string, string> = {}) =>
  runNode(["local/ops.ts", ...args], { cwd: ROOT, env: childEnvironment(changes), limitMs: COMMAND_LIMIT_MS })

async function json(args: string[], changes: Record<string, string> = {}) {
  const { code, stdout } = await ops([...args, "--json"], changes)
  return { code, document: JSON.parse(stdout) }
}

const NONE = { dead_letters: [], more: false, without_letter: 0 }

const sendDeadLetter = (text: string) => stores().queues.persist.bury(text, "planted")

async function onlyLetter(): Promise<{ id: string }> {
  const { document } = await json(["dead-letters", "list"])
  expect(document.dead_letters).toHaveLength(1)
  return document.dead_letters[0]
}

describe("the command line", () => {
  test.each([
    [["--help"], 0, /status[\s\S]*dead-letters[\s\S]*recount/, ""],
    [["recount", "--help"], 0, /--application <token>/, ""],
    [[], 2, /^$/, "Which command?"],
    [["stauts"], 2, /^$/, '"stauts"'],
    [["status", "--fast"], 2, /^$/, "'--fast'"],
    [["dead-letters", "redrive", "--yes"], 2, /^$/, "'--yes'"],
    [["dead-letters", "discard"], 2, /^$/, "ids"],
  ] as const)("of %j: ends with %i and says why", async (args, code, stdout, stderr) => {
    const ran = await ops([...args])
    expect(ran.code).toBe(code)
    expect(ran.stdout).toMatch(stdout)
    expect(ran.stderr).toContain(stderr)
    expect(ran.stderr).not.toMatch(/^\s+at /m)
  })

  test("without its variables, names them in one line", async () => {
    const ran = await ops(["status"], { MYSQL_URL: "", REDIS_URL: "nonsense" })
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^Wrong configuration\. .*REDIS_URL.*\n$/)
  })
})

describe("ops status", () => {
  test("at rest: ends with 0; its JSON has every part", async () => {
    await drainQueues(stores())
    const { code, document } = await json(["status"])
    expect({ code, problems: document.problems }).toEqual({ code: 0, problems: [] })
    expect(document).toMatchObject({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      dependencies: {
        mysql: { state: "up" },
        redis: { state: "up" },
        sqs: { state: "up" },
        elasticsearch: { state: "up" },
      },
      queues: [{ queue: "persist-writes", visible: 0, in_flight: 0, delayed: 0 }, {}, {}, {}],
      outbox: {
        events: 0,
        bytes: 0,
        dead: 0,
        oldest_at: null,
        oldest_seconds: null,
        unsettled_shards: [],
        fullest_shards: [],
      },
      index: { due: 0, waiting: 0, dead: 0, oldest_at: null },
      counts: { differing: 0 },
      redis: { used_bytes: expect.any(Number), settings: { appendfsync: "always" } },
    })
  })

  test("without a terminal: prints plain lines, tabs apart", async () => {
    const { stdout } = await ops(["status"])
    expect(stdout).toContain("dependency\tstate\tlatency_ms\n")
    for (const ofTerminals of ["\u001b", "─", "█"]) expect(stdout).not.toContain(ofTerminals)
  })

  test("with two stores away: shows the others and ends with 1", async () => {
    const { code, document } = await json(["status"], { ...away("mysql"), ...away("redis") })
    expect(code).toBe(1)
    expect(document).toMatchObject({ outbox: null, index: null })
    const refused = ["mysql", "redis"].map((name) => expect.stringMatching(`^${name} is away \\(.*ECONNREFUSED`))
    expect(document.problems).toEqual(refused)
    expect(document.queues).toHaveLength(4)
  })
})

describe("ops dead-letters", () => {
  test("lists, shows and discards one: each knows it by its id", async () => {
    await sendDeadLetter("not an envelope")
    const { id } = await onlyLetter()
    const shown = await json(["dead-letters", "show", id])
    expect(shown).toMatchObject({ code: 0, document: { id, queue: "persist-writes", reason: "planted", events: null } })
    expect(shown.document.body).toContain("not an envelope")
    expect((await json(["status"])).document.problems).toEqual([
      "persist-writes-dead-letters is not empty (1): see dead-letters list",
    ])

    const kept = await json(["dead-letters", "redrive", id])
    expect(kept).toMatchObject({ code: 1, document: { redriven: 0, dead_letters: [{ id, done: false }] } })
    const unasked = await json(["dead-letters", "discard", id])
    expect(unasked).toMatchObject({ code: 1, document: { error: expect.stringContaining("--yes") } })
    expect((await onlyLetter()).id).toBe(id)

    const discarded = await json(["dead-letters", "discard", id, "no-such-id", "--yes"])
    expect(discarded).toMatchObject({ code: 1, document: { discarded: 1 } })
    expect((await json(["dead-letters", "list"])).document).toEqual(NONE)
    expect(await json(["dead-letters", "show", id])).toMatchObject({ code: 1, document: { error: expect.any(String) } })
  })

  test.each([
    ["show", "There is no dead letter nobody."],
    ["redrive", "nobody: there is no such dead letter"],
    ["discard", "nobody: there is no such dead letter"],
  ])("of an id that is none: %s says so on standard error and ends with 1", async (verb, why) => {
    const ran = await ops(["dead-letters", verb, "nobody", ...(verb === "discard" ? ["--yes"] : [])])
    expect(ran).toMatchObject({ code: 1, stderr: `${why}\n` })
  })

  test("redrives all with what is dead without a letter, and ends with 0", async () => {
    const token = await api.givenApplication()
    const { entries } = await stores().outbox.read(token, 0, [{ application: token, chat: 0, message: 0 }])
    await stores().outbox.bury(entries[0] as WriteEvent, "planted")
    expect((await json(["dead-letters", "list"])).document).toMatchObject({ dead_letters: [], without_letter: 1 })
    const redriven = await json(["dead-letters", "redrive", "all"])
    expect(redriven).toMatchObject({ code: 0, document: { redriven: 0, without_letter: 1 } })
    expect((await json(["dead-letters", "list"])).document).toMatchObject({ without_letter: 0 })
    await drainQueues(stores())
  })

  test("redrives what can be stored by now, and ends with 0", async () => {
    const token = await api.givenApplication()
    await drainQueues(stores())
    const key = { application: token, chat: 1, message: 0 }
    const event = { revision: `${Date.now()}000`, ...key, created_at: Date.now(), name: "back" }
    await stores().queues.persist.bury(event, "planted")
    expect(await json(["dead-letters", "redrive"])).toMatchObject({ code: 0, document: { redriven: 1 } })
    await drainQueues(stores())
    expect(expectStatus(await api.getChat(token, 1), 200).name).toBe("back")
  })

  test("without the queue: one line and 1", async () => {
    const ran = await ops(["dead-letters", "list"], away("sqs"))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^sqs is away.*\n$/)
    expect(await json(["dead-letters", "list"], away("sqs"))).toMatchObject({ code: 1, document: { away: "sqs" } })
  })
})

describe("ops recount", () => {
  test("with a wrong counter: corrects it, ends with 1, and with 0 the next time", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    await drainQueues(stores())
    const counter = stores().mysql.updateTable("counters").where("application", "=", token).where("chat", "=", 0)
    await counter.set({ live: 5 }).execute()
    const first = await json(["recount", "--application", token])
    expect(first).toMatchObject({
      code: 1,
      document: {
        applications: 1,
        chats: 1,
        corrected: 1,
        next: null,
        corrections: [{ chat: 0, live: { was: 5, is: 1 } }],
      },
    })
    expect(chat).toBe(1)
    expect(await json(["recount", "--application", token])).toMatchObject({ code: 0, document: { corrected: 0 } })
  })

  test.each([drawToken(), "nobody", ""])(
    "of an application %j that MySQL does not have: says so and ends with 1",
    async (unknown) => {
      const ran = await ops(["recount", "--application", unknown])
      expect(ran).toMatchObject({ code: 1, stdout: "" })
      expect(ran.stderr).toMatch(new RegExp(`^MySQL has no application ${unknown}\\.$`, "m"))
    },
  )

  test.each([
    ["that is no token", ["--from", "zz"], "--from takes"],
    ["beside an application", ["--application", drawToken(), "--from", drawToken()], "either --application or --from"],
  ])("from a place %s: recounts nothing and ends with 2", async (_, args, why) => {
    const ran = await ops(["recount", ...args])
    expect(ran).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(why) })
  })

  test("interrupted while MySQL hangs: says so and ends with 130", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    const env = childEnvironment({ MYSQL_URL: `mysql://chat:chat@127.0.0.1:${port}/chat` })
    const child = spawn(process.execPath, ["local/ops.ts", "recount"], { cwd: ROOT, env })
    let stderr = ""
    child.stderr.on("data", (chunk) => (stderr += String(chunk)))
    const [socket] = (await once(server, "connection")) as [Socket]
    child.kill("SIGINT")
    expect(await once(child, "close")).toEqual([130, null])
    expect(stderr).toBe("Stopped.\n")
    socket.destroy()
    server.close()
  })
})
