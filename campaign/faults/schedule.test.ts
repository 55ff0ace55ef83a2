import { describe, expect, test } from "@jest/globals"
import { seededRandom } from "../load/random.ts"
import { parseOptions } from "../options.ts"
import type { Attack } from "../targets/target.ts"
import { chooseAttacks, type Plan, planLong, planShort } from "./schedule.ts"

const attack = (name: string, losesData = false): Attack => ({ name, losesData, run: async () => {} })
const ATTACKS = [
  ...["redis", "mysql", "elasticmq", "elasticsearch", "api"].flatMap((kind) => [
    attack(`kill ${kind}`),
    attack(`freeze ${kind}`),
  ]),
  attack("wipe redis", true),
  attack("cut client"),
]
const shape = ({ attacks }: Plan) => attacks.map(({ attack: { name }, atMs, forMs }) => [name, atMs, forMs])

describe("a plan", () => {
  test("of 30 minutes: has a hundred attacks and more, of each kind, for 1 to 30 s", () => {
    const { attacks, lastsMs } = planLong(ATTACKS, 30, seededRandom(1))
    expect(lastsMs).toBe(1_800_000)
    expect(attacks.length).toBeGreaterThanOrEqual(100)
    expect(new Set(attacks.map((planned) => planned.attack.name)).size).toBe(ATTACKS.length)
    for (const [index, { atMs, forMs }] of attacks.entries()) {
      expect(forMs).toBeGreaterThanOrEqual(1_000)
      expect(forMs).toBeLessThanOrEqual(30_000)
      expect(atMs).toBeGreaterThan(attacks[index - 1]?.atMs ?? 0)
      expect(atMs).toBeLessThan(lastsMs)
    }
  })

  test("of the same seed: is the same, of another one: is not", () => {
    for (const plan of [planShort, (attacks: Attack[], random: () => number) => planLong(attacks, 5, random)]) {
      expect(shape(plan(ATTACKS, seededRandom(5)))).toEqual(shape(plan(ATTACKS, seededRandom(5))))
      expect(shape(plan(ATTACKS, seededRandom(5)))).not.toEqual(shape(plan(ATTACKS, seededRandom(6))))
    }
  })

  test("of the short kind: has each attack once, for 1 to 3 s, those that lose data first", () => {
    const { attacks } = planShort(ATTACKS, seededRandom(2))
    expect(attacks.map((planned) => planned.attack.name).sort()).toEqual(ATTACKS.map(({ name }) => name).sort())
    expect(attacks[0]?.attack.name).toBe("wipe redis")
    for (const { forMs } of attacks) expect(forMs).toBeLessThanOrEqual(3_000)
  })
})

describe("--only", () => {
  test("with names or their beginnings: chooses those", () => {
    expect(chooseAttacks(ATTACKS, ["kill", "cut client"]).map(({ name }) => name)).toEqual([
      "kill redis",
      "kill mysql",
      "kill elasticmq",
      "kill elasticsearch",
      "kill api",
      "cut client",
    ])
    expect(chooseAttacks(ATTACKS, [])).toEqual(ATTACKS)
  })

  test("with a name that is none: says so, and which there are", () => {
    expect(() => chooseAttacks(ATTACKS, ["flood redis"])).toThrow(
      /--only: there is no attack "flood redis".*wipe redis/,
    )
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
