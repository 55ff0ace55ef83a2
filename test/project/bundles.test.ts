// The sizes of the zips that AWS gets, which it must fetch, unpack and parse before a new process can serve.
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { copyProject, type ProjectCopy } from "../steps/project-copy.ts"

/** Bundling takes seconds, many times that on a busy machine. */
const PACKAGE_LIMIT_MS = 180_000
/** Bytes of a creation's zip: docs/decisions/0018-cold-start.md. */
const CREATION_ZIP_MAX = 300_000
/** Bytes of the zips that have the client of Elasticsearch, too. */
const ANY_ZIP_MAX = 600_000

jest.setTimeout(PACKAGE_LIMIT_MS)
let project: ProjectCopy
let sizes: [string, number][]

beforeAll(async () => {
  project = await copyProject()
  const serverless = join(ROOT, "node_modules", ".bin", "serverless")
  const env = { ...process.env, SLS_NOTIFICATIONS_MODE: "off", SLS_TELEMETRY_DISABLED: "1" }
  const options = { cwd: project.folder, env, limitMs: PACKAGE_LIMIT_MS }
  const { code, stdout, stderr } = await runNode([serverless, "package", "--stage", "dev", "--package", "out"], options)
  if (code !== 0) throw new Error(`serverless package: ${stdout}${stderr}`)
  const zips = (await readdir(join(project.folder, "out"))).filter((file) => file.endsWith(".zip"))
  const sizeOf = async (zip: string) => (await stat(join(project.folder, "out", zip))).size
  sizes = await Promise.all(zips.map(async (zip): Promise<[string, number]> => [zip, await sizeOf(zip)]))
})

afterAll(async () => {
  await project?.remove()
})

test("the zip of each creation: is small", () => {
  const creations = sizes.filter(([zip]) => zip.startsWith("create-"))
  expect(creations.map(([zip]) => zip).sort()).toEqual([
    "create-application.zip",
    "create-chat.zip",
    "create-message.zip",
  ])
  expect(creations.filter(([, size]) => size > CREATION_ZIP_MAX)).toEqual([])
})

test("every other zip: is at most twice that", () => {
  expect(sizes.length).toBeGreaterThan(20)
  expect(sizes.filter(([, size]) => size > ANY_ZIP_MAX)).toEqual([])
})
