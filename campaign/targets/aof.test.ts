import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { ROLL_BACK_MS, type WatchedAof, watchAof } from "./aof.ts"

let folder: string
let aof: WatchedAof

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aof-"))
  writeFileSync(join(folder, "appendonly.aof.9.incr.aof"), "an older file")
  writeFileSync(join(folder, "appendonly.aof.10.base.rdb"), "no commands")
  writeFileSync(join(folder, "appendonly.aof.10.incr.aof"), "old")
  aof = watchAof(folder)
})
afterEach(() => {
  aof.stop()
  rmSync(folder, { recursive: true, force: true })
})
const content = (name: string) => readFileSync(join(folder, name), "utf8")

describe("the append-only file", () => {
  test("with a second of commands, when cut back, has lost those and no others, and the other files nothing", async () => {
    await aof.untilKnown()
    appendFileSync(join(folder, "appendonly.aof.10.incr.aof"), " and new")
    expect(aof.cutBack(performance.now())).toBe(" and new".length)
    expect(content("appendonly.aof.10.incr.aof")).toBe("old")
    expect(content("appendonly.aof.9.incr.aof")).toBe("an older file")
    expect(content("appendonly.aof.10.base.rdb")).toBe("no commands")
  })

  test("that is younger than a second, when it is to be cut back, is left as it is until it is old enough", async () => {
    await aof.untilKnown()
    writeFileSync(join(folder, "appendonly.aof.11.incr.aof"), "rewritten")
    expect(aof.cutBack(performance.now())).toBeUndefined()
    expect(content("appendonly.aof.11.incr.aof")).toBe("rewritten")
    expect(content("appendonly.aof.10.incr.aof")).toBe("old")
    const started = performance.now()
    await aof.untilKnown()
    expect(performance.now() - started).toBeGreaterThanOrEqual(ROLL_BACK_MS)
    appendFileSync(join(folder, "appendonly.aof.11.incr.aof"), " more")
    expect(aof.cutBack(performance.now())).toBe(" more".length)
  })
})
