import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "@jest/globals"
import { archiveArgs, lacksArchive, makeArchive } from "./class-archive.ts"

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "chat-archive-"))
})
afterEach(() => rm(home, { recursive: true }))

test("an archive is used by the Java that made it, and by no other", async () => {
  await writeFile(join(home, "classes-25.aot"), "")
  expect(archiveArgs(home, { java: "java", version: 25 })).toContain(`-XX:AOTCache=${join(home, "classes-25.aot")}`)
  expect(archiveArgs(home, { java: "java", version: 26 })).toEqual([])
  expect([25, 26].map((version) => lacksArchive(home, { java: "java", version }))).toEqual([false, true])
})

test("a Java that is too old for archives is asked for none", () => {
  expect(lacksArchive(home, { java: "java", version: 24 })).toBe(false)
  expect(archiveArgs(home, { java: "java", version: 24 })).toEqual([])
})

test("an archive that cannot be made is tried once, and the server starts without it", async () => {
  const java = { java: "/bin/false", version: 25 }
  expect(await makeArchive("elasticmq", home, java)).toContain("ended at its start (exit code 1)")
  expect(lacksArchive(home, java)).toBe(false)
  expect(archiveArgs(home, java)).toEqual([])
  expect(await readFile(join(home, "classes-25.aot-failed"), "utf8")).toContain("ended at its start (exit code 1)")
})
