import { linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, expect, test } from "@jest/globals"
import { watchSources } from "./watch.ts"

const LIMIT_MS = 5_000
/** Several times the moment for which nothing may change. */
const QUIET_MS = 1_000
const EARLIER = new Date(Date.now() - 60_000)

let folder: string
let told: string[][]
let end: () => void

const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
const toldOf = async () => {
  const limit = Date.now() + LIMIT_MS
  while (told.length === 0 && Date.now() < limit) await sleep(20)
  await sleep(QUIET_MS)
  return told.map((files) => files.toSorted())
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "watch-"))
  for (const path of ["functions", "lib/http/reply"]) mkdirSync(join(folder, path), { recursive: true })
  for (const path of ["functions/get-health.ts", "lib/http/reply/replies.ts", "lib/log.test.ts", "serverless.yml"]) {
    write(path, "as it was")
    utimesSync(join(folder, path), EARLIER, EARLIER)
  }
  told = []
  end = watchSources(folder, (files) => told.push(files))
})
afterEach(() => {
  end()
  rmSync(folder, { recursive: true, force: true })
})

test("files changed together, one of them several times: are told at once, each once", async () => {
  for (const text of ["1", "2", "3"]) {
    write("functions/get-health.ts", text)
    write("lib/http/reply/replies.ts", text)
    await sleep(50)
  }
  expect(await toldOf()).toEqual([["functions/get-health.ts", "lib/http/reply/replies.ts"]])
})

test("a file that is new, replaced, or removed: is told", async () => {
  write("functions/new.ts", "new")
  write("other", "of an editor that writes beside and renames")
  utimesSync(join(folder, "other"), EARLIER, EARLIER)
  renameSync(join(folder, "other"), join(folder, "serverless.yml"))
  rmSync(join(folder, "lib/http/reply/replies.ts"))
  expect(await toldOf()).toEqual([["functions/new.ts", "lib/http/reply/replies.ts", "serverless.yml"]])
})

test("a file that gets its former content and time back: is told", async () => {
  write("functions/get-health.ts", "changed")
  await toldOf()
  told = []
  write("functions/get-health.ts", "as it was")
  utimesSync(join(folder, "functions/get-health.ts"), EARLIER, EARLIER)
  expect(await toldOf()).toEqual([["functions/get-health.ts"]])
})

test("a file that is replaced again and again: is told each time", async () => {
  for (const round of [1, 2, 3]) {
    told = []
    write("other", `round ${round}`)
    renameSync(join(folder, "other"), join(folder, "lib/http/reply/replies.ts"))
    expect(await toldOf()).toEqual([["lib/http/reply/replies.ts"]])
    told = []
    rmSync(join(folder, "functions/get-health.ts"))
    write("functions/get-health.ts", `round ${round}`)
    expect(await toldOf()).toEqual([["functions/get-health.ts"]])
  }
}, 20_000)

test("a file in a new folder: is told", async () => {
  mkdirSync(join(folder, "lib/new/deeper"), { recursive: true })
  await sleep(QUIET_MS)
  write("lib/new/deeper/file.ts", "new")
  expect(await toldOf()).toEqual([["lib/new/deeper/file.ts"]])
})

test("a folder that comes with a file: is told", async () => {
  mkdirSync(join(folder, "elsewhere"))
  write("elsewhere/file.ts", "new")
  renameSync(join(folder, "elsewhere"), join(folder, "lib/moved"))
  expect(await toldOf()).toEqual([["lib/moved/file.ts"]])
})

test("a test, an editor's own file, and a file that is read or linked: are not told", async () => {
  write("lib/log.test.ts", "changed")
  write("lib/.log.ts.swp", "of an editor")
  write("functions/.#get-health.ts", "of another")
  write("package.json", "{}")
  readFileSync(join(folder, "functions/get-health.ts"))
  linkSync(join(folder, "functions/get-health.ts"), join(folder, "linked"))
  await sleep(QUIET_MS)
  expect(told).toEqual([])
})

test("after the end: nothing is told", async () => {
  write("functions/get-health.ts", "changed")
  end()
  await sleep(QUIET_MS)
  expect(told).toEqual([])
})
