// The secret of a deployment: functions read it at their start, and take over what was rotated without a deployment.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { log } from "../../lib/log.ts"
import { persistWrites } from "../../lib/persist/persist-records.ts"
import { consume } from "../../lib/queue/consumer.ts"
import { runtime } from "../../lib/runtime.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { takeRecords } from "../steps/drain.ts"
import { SECRET_ARN, type SecretServer, startSecretServer } from "../steps/secret-server.ts"
import { secretMembers, useTestStores, withSecret } from "../steps/stores.ts"

const stores = useTestStores()
const call = directTransport()
const api = chatApi(call)
const [OLD, NEW] = ["the-old-key-of-the-operator", "the-new-key-of-the-operator"]

let secrets: SecretServer
beforeAll(async () => {
  secrets = await startSecretServer()
})
afterAll(() => secrets.close())
afterEach(() => void jest.restoreAllMocks())

const using = (action: () => Promise<void>) => withSecret(SECRET_ARN, secrets.url, action)

/** Lets the functions believe that it is later, so that they may read the secret again. */
function later(ms: number): void {
  const now = Date.now() + ms
  jest.spyOn(Date, "now").mockReturnValue(now)
}

const listed = async (key: string) => (await call({ path: "/applications", headers: { "x-api-key": key } })).status

test("functions reach their stores by the secret, which is read once for many requests", async () => {
  const before = secrets.reads()
  secrets.set(secretMembers())
  await using(async () => {
    const { token } = expectStatus(await api.createApplication(), 201)
    expectStatus(await api.getApplication(token), 200)
    expectStatus(await api.searchApplication(token, { query: "anything" }), 200)
  })
  expect(secrets.reads() - before).toBe(1)
})

describe("an admin key", () => {
  test("added: is taken at its first use, and the old one meanwhile", async () => {
    secrets.set({ ...secretMembers(), ADMIN_API_KEY: OLD })
    await using(async () => {
      expect([await listed(OLD), await listed(NEW)]).toEqual([200, 401])
      secrets.set({ ...secretMembers(), ADMIN_API_KEY: `${OLD},${NEW}` })
      later(11_000)
      expect([await listed(NEW), await listed(OLD)]).toEqual([200, 200])
    })
  })

  test("removed: is refused after two minutes", async () => {
    secrets.set({ ...secretMembers(), ADMIN_API_KEY: `${OLD},${NEW}` })
    await using(async () => {
      expect(await listed(OLD)).toBe(200)
      secrets.set({ ...secretMembers(), ADMIN_API_KEY: NEW })
      later(121_000)
      expect([await listed(OLD), await listed(NEW)]).toEqual([401, 200])
    })
  })

  test("wrong again and again: does not make the secret be read each time", async () => {
    secrets.set({ ...secretMembers(), ADMIN_API_KEY: OLD })
    await using(async () => {
      const before = secrets.reads()
      for (let call = 0; call < 20; call++) expect(await listed(NEW)).toBe(401)
      expect(secrets.reads() - before).toBe(1)
    })
  })
})

/** Returns the URL with a password that the server refuses. */
function withWrongPassword(url = ""): string {
  const wrong = new URL(url)
  wrong.username = "chat_rotated"
  wrong.password = "no-longer-valid"
  return wrong.href
}

describe("a password", () => {
  test("of MySQL, refused and then rotated: reads are 503 until the new one is there, and need no restart", async () => {
    const { token } = expectStatus(await api.createApplication(), 201)
    const right = secretMembers()
    secrets.set({ ...right, MYSQL_URL: withWrongPassword(right.MYSQL_URL) })
    await using(async () => {
      expectUnavailable(await api.listApplications())
      secrets.set(right)
      later(11_000)
      expectStatus(await api.listApplications(), 200)
      expectStatus(await api.getApplication(token), 200)
    })
  })

  test("of MySQL, refused in the middle of a batch: the batch is stored with the new one, without waiting for the relay", async () => {
    const right = secretMembers()
    const { token } = expectStatus(await api.createApplication(), 201)
    secrets.set({ ...right, MYSQL_URL: withWrongPassword(right.MYSQL_URL) })
    await using(async () => {
      expectUnavailable(await api.listApplications())
      secrets.set(right)
      const refused = jest.spyOn(log, "warn").mockImplementation(() => later(11_000))
      const records = await takeRecords(stores(), "persist")
      expect(await consume(async () => persistWrites(await runtime()), records)).toEqual([])
      expect(JSON.stringify(refused.mock.calls)).not.toContain("events postponed")
      const rows = await stores().mysql.selectFrom("applications").select("token").where("token", "=", token).execute()
      expect(rows).toHaveLength(1)
    })
  })

  test("of Redis, refused and then rotated: writes are 503 until the new one is there, and need no restart", async () => {
    const right = secretMembers()
    secrets.set({ ...right, REDIS_URL: withWrongPassword(right.REDIS_URL) })
    await using(async () => {
      expectUnavailable(await api.createApplication())
      secrets.set(right)
      later(11_000)
      expectStatus(await api.createApplication(), 201)
    })
  })
})

describe("a secret", () => {
  test("that may not be read: is 503 with one line, and works without a restart once it may", async () => {
    const warn = jest.spyOn(log, "warn").mockImplementation(() => undefined)
    secrets.set(undefined)
    await using(async () => {
      expectUnavailable(await api.listApplications())
      expect(JSON.stringify(warn.mock.calls)).toContain("AccessDeniedException")
      secrets.set(secretMembers())
      expectStatus(await api.listApplications(), 200)
    })
  })

  test("that becomes wrong: changes nothing, and the log tells its names but no value", async () => {
    const error = jest.spyOn(log, "error").mockImplementation(() => undefined)
    secrets.set({ ...secretMembers(), ADMIN_API_KEY: OLD })
    await using(async () => {
      expect(await listed(OLD)).toBe(200)
      secrets.set({ ...secretMembers(), ADMIN_API_KEY: "short", REDIS_URL: "no-url-but-a-password" })
      later(121_000)
      expect([await listed(OLD), await listed(OLD)]).toEqual([200, 200])
      const logged = JSON.stringify(error.mock.calls)
      expect(error).toHaveBeenCalledTimes(1)
      expect(logged).toContain("ADMIN_API_KEY")
      expect(logged).not.toMatch(/short|no-url-but/)
    })
  })
})
