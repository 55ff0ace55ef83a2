// The shifted clock in a separate program, as in the API.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, beforeEach, expect, test } from "@jest/globals"
import { childEnvironment } from "../../test/steps/running-api.ts"
import { clockEnvironment, writeClock } from "./clock.ts"

const STEP_MS = 3_600_000
/** How long a step of this test may take on a busy machine; the clock is shifted by an hour. */
const TOLERANCE_MS = 60_000

/** For each line it reads, it prints the time in every way JavaScript has, and the monotonic time. */
const PROGRAM = `
const started = performance.now()
require("node:readline").createInterface({ input: process.stdin }).on("line", () => {
  const date = new Date()
  class Later extends Date {}
  console.log(JSON.stringify({
    ways: [Date.now(), date.getTime(), Date.parse(Date()), +new Later(), structuredClone(date).getTime(), Reflect.construct(Date, []).getTime()],
    elapsed: performance.now() - started,
    sane: [date instanceof Date, new Later() instanceof Later, date.constructor === Date, typeof Date() === "string",
      new Date(5).getTime() === 5, new Date(2020, 0, 2).getDate() === 2, Date.UTC(1970, 0, 1) === 0,
      new Date("2020-01-01T00:00:00Z").toISOString() === "2020-01-01T00:00:00.000Z", new Date(date).getTime() === date.getTime(),
      Date.name === "Date", Date.length === 7, Object.prototype.toString.call(date) === "[object Date]", require("node:util").types.isDate(date)],
  }))
})`

let folder: string
let end: () => void
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clock-"))
})
afterEach(() => {
  end()
  rmSync(folder, { recursive: true, force: true })
})

test("a program with a clock of its own, when it is set back, forward and right, follows in every way of asking but timers", async () => {
  const file = join(folder, "offset")
  const child = spawn(process.execPath, ["-e", PROGRAM], {
    env: { ...childEnvironment({}), ...clockEnvironment(file), NODE_ENV: "test" },
    stdio: ["pipe", "pipe", "inherit"],
  })
  end = () => child.kill("SIGKILL")
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async () => {
    child.stdin.write("now\n")
    return JSON.parse((await lines.next()).value as string) as { ways: number[]; elapsed: number; sane: boolean[] }
  }
  await ask()
  for (const offsetMs of [0, -STEP_MS, STEP_MS, 0]) {
    await writeClock(file, offsetMs)
    const { ways, elapsed, sane } = await ask()
    for (const way of ways) expect(Math.abs(way - (Date.now() + offsetMs))).toBeLessThan(TOLERANCE_MS)
    expect(elapsed).toBeLessThan(TOLERANCE_MS)
    expect(sane).toEqual(sane.map(() => true))
  }
})
