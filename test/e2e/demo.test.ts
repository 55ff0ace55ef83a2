// The demo, as users run it, on an API that runs.
import { expect, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { childEnvironment, useRunningApi } from "../steps/running-api.ts"

/** The counts are synced once a minute, and the demo waits for them. */
const DEMO_LIMIT_MS = 200_000
const LANGUAGES = "3"

const { api } = useRunningApi()

const demo = (...args: string[]) =>
  runNode(["local/demo.ts", ...args], { cwd: ROOT, env: childEnvironment({}), limitMs: DEMO_LIMIT_MS })

test("the demo with a few languages: finds every paragraph stored, indexed and followed once", async () => {
  const { code, stdout, stderr } = await demo(api().baseUrl, "--languages", LANGUAGES)
  const complaints = stderr.split("\n").filter((line) => !/^[█░]* *\d+\/\d+ |^$/.test(line))
  expect({ code, complaints }).toEqual({ code: 0, complaints: [] })
  const [, paragraphs] = /^3 languages, (\d+) paragraphs/.exec(stdout) ?? []
  for (const row of ["accepted", "stored", "indexed", "followed"])
    expect(stdout).toMatch(new RegExp(`│ ${row} +│ ${paragraphs} `))
  expect(stdout).toMatch(/│ missing or doubled +│ 0 /)
})

test.each([
  ["a number of languages that there are not", ["--languages", "0"], "--languages takes a whole number from 1 to 130"],
  ["an option that there is not", ["--wrong"], "Unknown option '--wrong'"],
])("the demo with %s: says so, and how it is used", async (_name, args, complaint) => {
  const { code, stdout, stderr } = await demo(api().baseUrl, ...args)
  expect([code, stdout]).toEqual([2, ""])
  expect(stderr).toMatch(new RegExp(`^${complaint}[^]*\nusage: npm run demo -- `))
})

test("the demo with --help: says how it is used, and runs nothing", async () => {
  const { code, stdout, stderr } = await demo("--help")
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(/^usage: npm run demo -- /)
})
