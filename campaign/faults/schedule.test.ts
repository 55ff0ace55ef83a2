import { describe, expect, test } from "@jest/globals"
import { seededRandom } from "../load/random.ts"
import { parseOptions } from "../options.ts"
import type { Target } from "../targets/target.ts"
import type { Fault } from "./fault.ts"
import { createFaultLog } from "./fault-log.ts"
import { chooseFaults, conductFaults, type Plan, planLong, planShort } from "./schedule.ts"

const fault = (name: string, losesData?: true): Fault => ({
  name,
  harms: "redis",
  ...(losesData && { losesData }),
  run: async () => {},
})
const FAULTS = [
  ...["redis", "mysql", "elasticmq", "elasticsearch", "api"].flatMap((kind) => [
    fault(`kill ${kind}`),
    fault(`freeze ${kind}`),
  ]),
  fault("wipe redis", true),
  fault("cut client"),
]
const shape = ({ faults }: Plan) => faults.map(({ fault: { name }, atMs, forMs }) => [name, atMs, forMs])

describe("a plan", () => {
  test("of 30 minutes: has a hundred faults and more, of each kind, for 1 to 30 s", () => {
    const { faults, lastsMs } = planLong(FAULTS, 30, seededRandom(1))
    expect(lastsMs).toBe(1_800_000)
    expect(faults.length).toBeGreaterThanOrEqual(100)
    expect(new Set(faults.map((planned) => planned.fault.name)).size).toBe(FAULTS.length)
    for (const [index, { atMs, forMs }] of faults.entries()) {
      expect(forMs).toBeGreaterThanOrEqual(1_000)
      expect(forMs).toBeLessThanOrEqual(30_000)
      expect(atMs).toBeGreaterThan(faults[index - 1]?.atMs ?? 0)
      expect(atMs).toBeLessThan(lastsMs)
    }
  })

  test("of the same seed: is the same, of another one: is not", () => {
    for (const plan of [planShort, (faults: Fault[], random: () => number) => planLong(faults, 5, random)]) {
      expect(shape(plan(FAULTS, seededRandom(5)))).toEqual(shape(plan(FAULTS, seededRandom(5))))
      expect(shape(plan(FAULTS, seededRandom(5)))).not.toEqual(shape(plan(FAULTS, seededRandom(6))))
    }
  })

  test("of the short kind: has each fault once, for 1 to 3 s, those that lose data first", () => {
    const { faults } = planShort(FAULTS, seededRandom(2))
    expect(faults.map((planned) => planned.fault.name).sort()).toEqual(FAULTS.map(({ name }) => name).sort())
    expect(faults[0]?.fault.name).toBe("wipe redis")
    for (const { forMs } of faults) expect(forMs).toBeLessThanOrEqual(3_000)
  })
})

describe("faults at nodes", () => {
  const atNode: Fault = { ...fault("kill master"), atNode: true }

  test("in a short plan: are alone; in a long one: most are, some are not; others never", () => {
    const { faults: short } = planShort([atNode, fault("cut client")], seededRandom(3))
    expect(short.map((planned) => [planned.fault.name, planned.alone]).sort()).toEqual([
      ["cut client", undefined],
      ["kill master", true],
    ])
    const { faults: long } = planLong([atNode], 30, seededRandom(3))
    const alone = long.filter((planned) => planned.alone).length
    expect(alone).toBeGreaterThan(long.length / 2)
    expect(alone).toBeLessThan(long.length)
  })

  /** Conducts the fault alone, then another, and returns what happened in order. */
  async function conduct(isUp: (harmed: string, done: string[]) => boolean): Promise<string[]> {
    const done: string[] = []
    const log = createFaultLog()
    const run = async () => void done.push("harms")
    const planned = [
      {
        fault: { ...atNode, run: async (_: unknown, __: number, hits?: (shards: string[]) => void) => hits?.(["A"]) },
        alone: true,
      },
      { fault: { ...fault("cut client"), harms: "client" as const, run } },
    ]
    await conductFaults(
      { faults: planned.map((one) => ({ ...one, atMs: 0, forMs: 1 })), lastsMs: 1 },
      {
        target: {} as Target,
        faults: log,
        startedAt: 0,
        isCalm: async () => true,
        isUp: (harmed) => {
          const up = isUp(harmed, done)
          done.push(`${harmed} is ${up ? "up" : "down"}`)
          return up
        },
        hasRecovered: () => true,
        onCalmWanted: () => done.push("calm"),
        onBegin: (record) => done.push(`begins ${record.fault.name}`),
        onEnd: (record) => done.push(`ends ${record.fault.name} ${[...(record.shards ?? [])]}`),
        onSkip: () => done.push("skipped"),
        stop: new AbortController().signal,
      },
    )
    return done
  }

  test("that are alone: wait until all is up, tell their shards, and let no other begin before Redis is up", async () => {
    const isUp = (harmed: string, done: string[]) =>
      harmed === "mysql"
        ? done.includes("mysql is down")
        : harmed !== "redis" || !done.some((one) => one.startsWith("ends")) || done.includes("redis is down")
    const done = await conduct(isUp)
    const begins = done.indexOf("begins kill master")
    expect(done.slice(0, begins)).toEqual(expect.arrayContaining(["mysql is down", "mysql is up", "api is up"]))
    expect(done.slice(begins + 1)).toEqual([
      ...["ends kill master A", "redis is down", "redis is up", "client is up"],
      ...["begins cut client", "harms", "ends cut client "],
    ])
  })
})

describe("--only", () => {
  test("with names or their beginnings: chooses those", () => {
    expect(chooseFaults(FAULTS, ["kill", "cut client"]).map(({ name }) => name)).toEqual([
      "kill redis",
      "kill mysql",
      "kill elasticmq",
      "kill elasticsearch",
      "kill api",
      "cut client",
    ])
    expect(chooseFaults(FAULTS, [])).toEqual(FAULTS)
  })

  test("with a name that is none: says so, and which there are", () => {
    expect(() => chooseFaults(FAULTS, ["flood redis"])).toThrow(/--only: there is no fault "flood redis".*wipe redis/)
  })
})

describe("the command line", () => {
  test("without options: is half an hour on the native servers, with a seed of chance and a report", () => {
    const { seed, ...others } = parseOptions([])
    expect(Number.isInteger(seed)).toBe(true)
    expect(others).toEqual({
      minutes: 30,
      only: [],
      target: "native",
      redis: "single",
      replicas: 1,
      short: false,
      report: ".data/faults-report",
    })
  })

  test("with all options: is what they say; short, it writes a report only where told", () => {
    const args = ["--seed", "7", "--minutes", "5", "--only", "kill-redis, wipe redis", "--target", "compose"]
    expect(parseOptions([...args, "--replicas", "3", "--report", "docs/x"])).toEqual({
      seed: 7,
      minutes: 5,
      only: ["kill redis", "wipe redis"],
      target: "compose",
      redis: "single",
      replicas: 3,
      short: false,
      report: "docs/x",
    })
    expect(parseOptions(["--redis", "valkey-cluster"]).redis).toBe("valkey-cluster")
    expect(parseOptions(["--short"]).report).toBeUndefined()
    expect(parseOptions(["--short", "--report", "x"]).report).toBe("x")
  })

  test.each([
    [["--seed", "-1"], "--seed"],
    [["--seed=x"], "--seed"],
    [["--minutes", "0"], "--minutes"],
    [["--minutes", "5", "--short"], "--minutes"],
    [["--only", "a,,b"], "--only"],
    [["--target", "cloud"], "--target"],
    [["--redis", "two"], "--redis"],
    [["--redis", "cluster", "--target", "compose"], "--redis"],
    [["--replicas", "3"], "--replicas"],
    [["--replicas", "0", "--target", "compose"], "--replicas"],
    [["--report", ""], "--report"],
    [["--colour"], "--colour"],
  ])("with %j: names the option that is wrong", (args, option) => {
    expect(() => parseOptions(args)).toThrow(option)
  })
})
