import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { zipSync } from "fflate"
import { text } from "./reading.ts"
import { openSource } from "./source.ts"

const MAX = 1_000_000
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-source-"))
})
afterAll(() => rm(folder, { recursive: true }))

const bytes = (value: string) => Buffer.from(value)
async function zipOf(files: Record<string, Buffer>, change: (zip: Buffer) => void = () => undefined): Promise<string> {
  const path = join(folder, `${Math.random()}.zip`)
  const zip = Buffer.from(zipSync(files))
  change(zip)
  await writeFile(path, zip)
  return path
}

async function contents(path: string): Promise<Record<string, string>> {
  const source = await openSource(path)
  const found: Record<string, string> = {}
  for await (const file of source.files()) found[file.name] = await text(file, MAX)
  source.close()
  return found
}

describe("a source", () => {
  test("may be a file", async () => {
    await writeFile(join(folder, "one.ndjson"), "a")
    expect(await contents(join(folder, "one.ndjson"))).toEqual({ "one.ndjson": "a" })
  })

  test("may be a folder, of which links are no part", async () => {
    const root = join(folder, "root")
    await mkdir(join(root, "b"), { recursive: true })
    await writeFile(join(root, "a.json"), "1")
    await writeFile(join(root, "b", "c.json"), "2")
    await writeFile(join(root, ".DS_Store"), "x")
    await symlink("/etc/hostname", join(root, "link"))
    expect(await contents(root)).toEqual({ "a.json": "1", "b/c.json": "2" })
  })

  test("may be a zip, read in the order of names", async () => {
    const path = await zipOf({ "b/c.json": bytes("2"), "a.json": bytes("1"), "__MACOSX/a.json": bytes("x") })
    expect(Object.entries(await contents(path))).toEqual([
      ["a.json", "1"],
      ["b/c.json", "2"],
    ])
  })

  test("has names without a folder that all are in", async () => {
    expect(await contents(await zipOf({ "export/a": bytes("1"), "export/b/c": bytes("2") }))).toEqual({
      a: "1",
      "b/c": "2",
    })
  })

  test("can be read more than once", async () => {
    const source = await openSource(await zipOf({ a: bytes("1") }))
    for (let time = 0; time < 2; time++)
      for await (const file of source.files()) expect(await text(file, MAX)).toBe("1")
    source.close()
  })
})

describe("a zip", () => {
  test("with a name that leads out of it is refused", async () => {
    const path = await zipOf({ "xx/evil": bytes("1") }, (zip) => {
      for (let at = zip.indexOf("xx/evil"); at >= 0; at = zip.indexOf("xx/evil")) zip.write("../evil", at)
    })
    await expect(openSource(path)).rejects.toThrow(/not a zip that can be read.*\.\.\/evil/)
  })

  test("that unpacks to more than it says is refused", async () => {
    const path = await zipOf({ a: Buffer.alloc(100_000) }, (zip) => {
      const directory = zip.indexOf(Buffer.from("PK\x01\x02"))
      zip.writeUInt32LE(10, directory + 24)
    })
    await expect(contents(path)).rejects.toMatchObject({ name: "BadSource", at: { file: "a" } })
  })

  test("that says that it unpacks to absurdly much is refused before it is unpacked", async () => {
    const path = await zipOf({ a: Buffer.alloc(100_000) }, (zip) => {
      const directory = zip.indexOf(Buffer.from("PK\x01\x02"))
      zip.writeUInt32LE(2 ** 31, directory + 24)
    })
    await expect(contents(path)).rejects.toThrow(/unpacks to over/)
  })

  test("that was cut off is refused", async () => {
    const path = join(folder, "cut.zip")
    await writeFile(path, Buffer.from(zipSync({ a: bytes("1") })).subarray(0, 30))
    await expect(openSource(path)).rejects.toMatchObject({ name: "BadSource" })
  })
})
