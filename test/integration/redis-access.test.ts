// The rights that infra/stores.yml gives the user of Redis suffice for all that is called, and for little else.
import { globSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { Redis } from "ioredis"
import { connectRedis } from "../../lib/clients/redis.ts"
import { ROOT } from "../../local/services/settings.ts"
import { eventually } from "../steps/eventually.ts"
import { type OwnRedis, startRedis } from "../steps/own-redis.ts"
import { matches, read } from "../steps/project-files.ts"

const START_LIMIT_MS = 10_000
const PASSWORD = "a-password-of-this-test"
const sources = (pattern: string): string =>
  globSync(pattern, { cwd: ROOT })
    .filter((path) => !path.endsWith(".test.ts"))
    .map(read)
    .join("\n")

/** The commands of the scripts, and those of the client, with their subcommands. CONFIG may be refused. */
const calledCommands = (): string[][] => {
  const scripts = matches(sources("lib/outbox/scripts/*.ts"), /redis\.p?call\(["']([A-Z]+)["']/g)
  const client = [...sources("lib/clients/redis*.ts").matchAll(/\.call\("([A-Z]+)"(?:, "([A-Z]+)")?/g)]
  const named = client.map(([, command = "", subcommand]) => (subcommand ? [command, subcommand] : [command]))
  const others = ["EVALSHA", "EVAL", "INFO", "QUIT", "PING", "HELLO", "AUTH", "SELECT", "READONLY", "ASKING"]
  return [...scripts.map((command) => [command]), ...named, ...others.map((command) => [command])].filter(
    ([command]) => command !== "CONFIG",
  )
}

let server: OwnRedis
let redis: Redis

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
  redis.on("error", () => undefined)
  await eventually(() => redis.ping(), START_LIMIT_MS)
  const [rules = ""] = matches(read("infra/stores.yml"), /AccessString: (.*)$/gm)
  await redis.call("ACL", "SETUSER", "chat", `>${PASSWORD}`, ...rules.split(" "))
})

afterAll(async () => {
  redis?.disconnect()
  await server?.remove()
})

/** Returns what the server says of a call by the user, with as many arguments as the command needs. */
async function dryRun([command = "", ...given]: string[]): Promise<string> {
  const [info] = (await redis.call("COMMAND", "INFO", command)) as [[string, number]]
  const missing = Math.max(0, Math.abs(info[1]) - 1 - given.length)
  const answer = redis.call("ACL", "DRYRUN", "chat", command, ...given, ...Array<string>(missing).fill("1"))
  return String(await answer.catch((error: unknown) => error))
}

describe("the user of infra/stores.yml", () => {
  test("may call all that the scripts and the client call", async () => {
    const called = calledCommands()
    expect(called).toEqual(expect.arrayContaining([["HSET"], ["ZUNIONSTORE"], ["UNLINK"], ["TIME"], ["INFO"]]))
    for (const command of called) expect([command, await dryRun(command)]).toEqual([command, "OK"])
  })

  test("may ask where the slots of a cluster are", async () => {
    for (const subcommand of ["SHARDS", "SLOTS", "NODES", "MYID", "INFO"])
      expect([subcommand, await dryRun(["CLUSTER", subcommand])]).toEqual([subcommand, "OK"])
  })

  test.each([
    [["FLUSHALL"]],
    [["FLUSHDB"]],
    [["SWAPDB"]],
    [["KEYS"]],
    [["CONFIG", "SET", "appendonly", "no"]],
    [["ACL", "SETUSER", "other"]],
    [["SCRIPT", "FLUSH"]],
    [["FUNCTION", "FLUSH"]],
    [["CLUSTER", "RESET"]],
    [["SHUTDOWN"]],
    [["DEBUG", "SLEEP", "1"]],
    [["MIGRATE"]],
    [["CLIENT", "KILL", "TYPE", "normal"]],
    [["PUBLISH", "channel", "text"]],
  ])("may not call %j", async (command) => {
    expect(await dryRun(command)).toMatch(/no permissions/)
  })

  test("logs in by a URL, and is told of the server", async () => {
    const url = new URL(server.url)
    Object.assign(url, { username: "chat", password: PASSWORD })
    const client = connectRedis(url.href, () => {})
    try {
      const [server] = await client.describe(["appendonly"])
      expect(server?.info.get("run_id")).toMatch(/^[0-9a-f]{40}$/)
      expect(server?.settings.size).toBe(0)
    } finally {
      await client.close()
    }
  })
})
