// The client's package: its types, what npm packs of it, and that it can be loaded as it is packed.
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { build, transform } from "esbuild"
import { publint } from "publint"
import { buildClient } from "../../local/client-build.ts"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { matches, read } from "../steps/project-files.ts"

/** A tool takes a second or two, more on a busy machine. */
const TOOL_LIMIT_MS = 120_000
/** A hundredth of a second on a slow line: nobody should have to write a client of their own to spare it. */
const CORE_BYTES_MAX = 8 * 1024

jest.setTimeout(TOOL_LIMIT_MS)
let folder: string
let packed: string
let files: string[]

/** The folder of a program that has installed the package. */
const program = () => join(folder, "program")

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-backend-client-"))
  await buildClient(folder)
  const { stdout } = await promisify(execFile)("npm", ["pack", "--json"], { cwd: folder })
  const [{ filename, files: contents }] = JSON.parse(stdout)
  files = contents.map(({ path }: { path: string }) => path).sort()
  packed = join(folder, filename)
  const installed = join(program(), "node_modules", "chat-backend-client")
  await mkdir(installed, { recursive: true })
  await promisify(execFile)("tar", ["xzf", packed, "--strip-components=1", "-C", installed])
}, TOOL_LIMIT_MS)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Returns what the compiler says of files of the program, strictly, and its exit code. */
async function compile(...names: string[]) {
  await writeFile(join(program(), "package.json"), '{ "type": "module" }')
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext"]
  const args = [join(ROOT, "node_modules", "typescript", "bin", "tsc"), ...options, "--lib", "es2022,dom", ...names]
  return await runNode(args, { cwd: program(), env: process.env, limitMs: TOOL_LIMIT_MS })
}

/** Writes a program that uses the package, and runs it. */
async function runProgram(file: string, text: string) {
  await writeFile(join(program(), file), text)
  return runNode([file], { cwd: program(), env: { PATH: process.env.PATH }, limitMs: TOOL_LIMIT_MS })
}

test("the client's types of the API: are those of docs/openapi.json; `npm run client:types` writes them", async () => {
  const fresh = join(folder, "api-types.ts")
  const args = [join(ROOT, "local", "client-types.ts"), fresh]
  const { code, stderr } = await runNode(args, { cwd: folder, env: process.env, limitMs: TOOL_LIMIT_MS })
  expect([code, stderr]).toEqual([0, ""])
  expect(read("client/src/api-types.ts")).toBe(await readFile(fresh, "utf8"))
})

describe("the client's package", () => {
  test("has what it needs and nothing else, and depends on nothing", () => {
    const others = files.filter((file) => !/^dist\/[\w-]+\.(js|cjs|d\.ts|d\.cts)$/.test(file))
    expect(others).toEqual(["LICENSE", "README.md", "package.json"])
    expect(files).toEqual(
      expect.arrayContaining(["dist/index.js", "dist/index.cjs", "dist/index.d.ts", "dist/index.d.cts"]),
    )
    expect(
      Object.keys(JSON.parse(read("client/package.json"))).filter((key) => /dependencies|scripts/i.test(key)),
    ).toEqual([])
  })

  test("has a core of at most 8 KiB, minified and compressed", async () => {
    const { code } = await transform(await readFile(join(folder, "dist", "index.js"), "utf8"), { minify: true })
    expect(gzipSync(code).length).toBeLessThanOrEqual(CORE_BYTES_MAX)
  })

  test("has nothing that publint reports", async () => {
    expect((await publint({ pkgDir: folder, strict: true })).messages).toEqual([])
  })

  test("has types that each way of resolving them finds", async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(packed))))
    expect(result).toMatchObject({ types: { kind: "included" }, problems: [] })
  })

  test.each(["esm.ts", "cjs.cts"])("has types with which the examples of its README compile: %s", async (file) => {
    const [quickStart = "", follow = ""] = matches(read("client/README.md"), /```ts\n([\s\S]*?)```/g)
    const [load = "", ...start] = quickStart.split("\n")
    const outside = ["declare const process: { env: { ADMIN_API_KEY?: string } }"]
    const store = [
      "declare function load(): Promise<string | undefined>",
      "declare function save(cursor: string): Promise<void>",
    ]
    const main = [...outside, ...store, "export async function main() {", ...start, follow, "}"]
    await writeFile(join(program(), file), [load, ...main].join("\n"))
    expect(await compile(file)).toMatchObject({ stdout: "", code: 0 })
  })

  test("has types with which the examples of docs/embed.md compile", async () => {
    const outside = `
      import type { ApplicationHandle, Change, ChatHandle } from "chat-backend-client"
      type Transaction = { saveCursor(cursor: string): Promise<void> }
      declare global {
        const application: ApplicationHandle
        const chat: ChatHandle
        const database: {
          loadCursor(): Promise<string | undefined>
          clearCopy(): Promise<void>
          transaction(work: (transaction: Transaction) => Promise<void>): Promise<void>
        }
        function apply(transaction: Transaction, change: Change): Promise<void>
        function userOf(request: import("node:http").IncomingMessage): Promise<{ id: string } | undefined>
        function isMember(user: { id: string }, number: string): Promise<boolean>
      }`
    await writeFile(join(program(), "embed.d.ts"), outside)
    const examples = matches(read("docs/embed.md"), /```ts\n([\s\S]*?)```/g)
    expect(examples).toHaveLength(3)
    const names = examples.map((_, index) => `embed-${index}.ts`)
    // Each is a module, with constants of its own.
    for (const [index, example] of examples.entries())
      await writeFile(join(program(), names[index] as string), `${example}\nexport {}\n`)
    const types = ["--typeRoots", join(ROOT, "node_modules", "@types"), "--types", "node"]
    expect(await compile(...types, "embed.d.ts", ...names)).toMatchObject({ stdout: "", code: 0 })
  })

  test("has types with which the samples of the OpenAPI document compile", async () => {
    type Described = Record<string, { operationId: string; "x-codeSamples": [{ source: string }] }>
    const { paths } = JSON.parse(read("docs/openapi.json")) as { paths: Record<string, Described> }
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
    await writeFile(join(program(), "process.d.ts"), "declare const process: { env: { ADMIN_API_KEY: string } }")
    const names = operations.map(({ operationId }) => `sample-${operationId}.ts`)
    for (const [index, operation] of operations.entries()) {
      // Each is a module, with constants of its own.
      const [{ source }] = operation["x-codeSamples"]
      await writeFile(join(program(), names[index] as string), `${source}\nexport {}\n`)
    }
    expect(await compile("process.d.ts", ...names)).toMatchObject({ stdout: "", code: 0 })
  })

  test.each([
    ["ESM", "load.mjs", 'import * as client from "chat-backend-client"'],
    ["CommonJS", "load.cjs", 'const client = require("chat-backend-client")'],
  ])("is loaded from %s", async (_name, file, load) => {
    const text = `${load}\nconst { token } = new client.ChatClient({ url: "http://127.0.0.1:1" }).application("t")
      console.log(token, new client.NotFoundError({}) instanceof client.ChatError)`
    expect(await runProgram(file, text)).toEqual({ code: 0, stdout: "t true\n", stderr: "" })
  })

  test("is bundled for a browser, and needs nothing of Node.js", async () => {
    await writeFile(join(program(), "page.js"), 'export { ChatClient } from "chat-backend-client"')
    const options = { bundle: true, platform: "browser", format: "esm", write: false, metafile: true } as const
    const { warnings, metafile } = await build({ ...options, absWorkingDir: program(), entryPoints: ["page.js"] })
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.filter(({ external }) => external))
    expect([warnings, imports]).toEqual([[], []])
  })
})
