import { describe, expect, test } from "@jest/globals"
import { seededRandom } from "../load/random.ts"
import { parseOptions } from "../options.ts"
import type { Fault } from "./fault.ts"
import { chooseFaults, type Plan, planLong, planShort } from "./schedule.ts"

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
      replicas: 3,
      short: false,
      report: "docs/x",
    })
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
    [["--replicas", "3"], "--replicas"],
    [["--replicas", "0", "--target", "compose"], "--replicas"],
    [["--report", ""], "--report"],
    [["--colour"], "--colour"],
  ])("with %j: names the option that is wrong", (args, option) => {
    expect(() => parseOptions(args)).toThrow(option)
  })
})
