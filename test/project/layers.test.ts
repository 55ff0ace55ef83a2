// Each rule of `npm run check` catches a violation planted in a small tree with the same configuration.
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, jest, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"

/** A tool takes a second or two, more on a busy machine. */
const TOOL_LIMIT_MS = 60_000
const MODULES_MIN = 100

const CONFIGURATION = [
  ".dependency-cruiser.cjs",
  "biome.json",
  "knip.json",
  "package.json",
  "tsconfig.json",
  ".gitignore",
]
const importing = (...paths: string[]): string => paths.map((path) => `import "${path}"\n`).join("")

/** Files without violations, for others to import. */
const SOUND: Record<string, string> = {
  "functions/get-it.ts": importing("../lib/runtime.ts", "../lib/http/reply/replies.ts"),
  "functions/get-it.test.ts": importing("./get-it.ts", "ioredis", "@middy/core"),
  "lib/runtime.ts": importing("./clients/redis.ts"),
  "lib/clients/redis.ts": `${importing("ioredis", "../errors.ts")}export type X = 1\n`,
  "lib/http/endpoint.ts": `${importing("@middy/core")}import type { X } from "../clients/redis.ts"\nexport type Y = X\n`,
  "lib/http/reply/replies.ts": "export {}\n",
  "lib/errors.ts": "export {}\n",
  "lib/database.ts": "export {}\n",
  "lib/chats.ts": `import type { Redis } from "ioredis"\nexport type Chat = Redis\n`,
  "lib/outbox/ring.ts": `import type { B } from "./ring-of-types.ts"\nexport type A = B | 1\n`,
  "lib/outbox/ring-of-types.ts": `import type { A } from "./ring.ts"\nexport type B = A[]\n`,
  "local/start.ts": importing("../lib/runtime.ts", "../lib/errors.ts"),
  "migrations/20260101_000001_first.ts": importing("kysely"),
  "client/src/index.ts": "export {}\n",
  "client/programs/run.ts": importing("../src/index.ts", "node:fs"),
  "client/src/index.test.ts": importing("./index.ts", "../../lib/errors.ts"),
}

/** The files that break each rule, with what they import. */
const VIOLATIONS: Record<string, Record<string, string>> = {
  "no-circular": { "lib/search/round.ts": "./and-round.ts", "lib/search/and-round.ts": "./round.ts" },
  "no-unresolved": { "lib/search/lost.ts": "./nowhere.ts" },
  "functions-are-the-top": { "local/calls-function.ts": "../functions/get-it.ts" },
  "floor-of-document": { "lib/http/document/climbs.ts": "../../runtime.ts" },
  "floor-of-operations": { "lib/operations/climbs.ts": "../http/document/climbs.ts" },
  "floor-of-relay-and-operate": { "lib/relay/climbs.ts": "../runtime.ts", "lib/operate/climbs.ts": "../runtime.ts" },
  "floor-of-search": { "lib/search/climbs.ts": "../relay/climbs.ts" },
  "floor-of-changes": { "lib/changes/climbs.ts": "../search/climbs.ts" },
  "floor-of-chats-and-messages": { "lib/messages.ts": "./search/climbs.ts" },
  "floor-of-applications": { "lib/applications.ts": "./messages.ts" },
  "floor-of-persist-write-http": {
    "lib/persist/climbs.ts": "../applications.ts",
    "lib/write/climbs.ts": "../applications.ts",
    "lib/http/climbs.ts": "../messages.ts",
  },
  "floor-of-outbox-and-counts": {
    "lib/outbox/climbs.ts": "../write/climbs.ts",
    "lib/counts/climbs.ts": "../runtime.ts",
  },
  "floor-of-stores": { "lib/stores.ts": "./counts/climbs.ts" },
  "floor-of-config": { "lib/config.ts": "./stores.ts" },
  "floor-of-queue": { "lib/queue/climbs.ts": "../stores.ts" },
  "floor-of-clients": { "lib/clients/climbs.ts": "../chats.ts" },
  "floor-of-events": { "lib/events.ts": "./clients/climbs.ts" },
  "floor-of-ground": { "lib/climbs.ts": "./events.ts" },
  "climbing-types-are-types": { "lib/queue/takes-a-value.ts": "../config.ts" },
  "drivers-in-clients": {
    "lib/counts/drives-redis.ts": "ioredis",
    "lib/write/drives-mysql.ts": "mysql2",
    "lib/queue/drives-sqs.ts": "@aws-sdk/client-sqs",
    "functions/drives-elasticsearch.ts": "@elastic/elasticsearch",
  },
  "middy-in-wrappers": { "lib/search/wraps.ts": "@middy/core" },
  "http-knows-no-stores": { "lib/http/stores.ts": "../clients/redis.ts" },
  "migrations-import-nothing-of-ours": { "migrations/20260101_000002_second.ts": "../lib/database.ts" },
  "client-stands-alone": { "client/src/borrows.ts": "../../lib/errors.ts", "client/src/depends.ts": "ioredis" },
  "product-knows-no-client": { "lib/calls.ts": "../client/src/index.ts" },
  "product-does-not-import-emulation": {
    "lib/starts.ts": "../local/start.ts",
    "functions/starts.ts": "../local/start.ts",
    "lib/loads.ts": "../campaign/a.ts",
    "lib/measures.ts": "../bench/a.ts",
  },
}

const PROMISES = {
  "lib/later.ts": "export async function later(): Promise<boolean> {\n  return true\n}\n",
  "lib/floats.ts": `import { later } from "./later.ts"\n\nexport function floats(): void {\n  later()\n}\n`,
  "lib/misuses.ts": `import { later } from "./later.ts"\n\nexport const misuses = (): string => (later() ? "yes" : "no")\n`,
  "lib/waits.ts": `import { later } from "./later.ts"\n\nexport const waits = async (): Promise<string> => ((await later()) ? "yes" : "no")\n`,
}

const EXPORTS = {
  "functions/get-it.ts": `import { used } from "../lib/exports.ts"\n\nused()\n`,
  "lib/exports.ts": "export const used = (): void => undefined\nexport const nobodyUsesThis = 1\n",
}

jest.setTimeout(TOOL_LIMIT_MS)
const trees: string[] = []

/** Creates a tree of files with the project's configuration outside the project, and returns its path. */
async function plant(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "chat-backend-layers-"))
  trees.push(folder)
  await Promise.all(CONFIGURATION.map((file) => cp(join(ROOT, file), join(folder, file))))
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

async function run(folder: string, script: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1" }
  const { code, stdout, stderr } = await runNode([join(ROOT, script), ...args], {
    cwd: folder,
    env,
    limitMs: TOOL_LIMIT_MS,
  })
  return { code, output: `${stdout}\n${stderr}` }
}

const checkImports = (folder: string) => run(folder, join("local", "check-imports.ts"))
const FOLDERS_NEEDED = Object.fromEntries(
  ["bench/a.ts", "campaign/a.ts", "deployment/a.ts", "test/a.test.ts"].map((file) => [file, "export {}\n"]),
)

/** Returns "rule: file" for each reported violation. */
const told = (output: string): string[] =>
  [...output.matchAll(/error ([a-z-]+): ([^ \n]+)/g)].map(([, rule, file]) => `${rule}: ${file}`).sort()

afterAll(() => Promise.all(trees.map((folder) => rm(folder, { recursive: true, force: true }))))

describe("the import rules", () => {
  test("on a sound tree: tell of nothing", async () => {
    const { code, output } = await checkImports(await plant({ ...SOUND, ...FOLDERS_NEEDED }))
    expect([told(output), code]).toEqual([[], 0])
  })

  test("with violations planted: each rule tells of its own, and of no other", async () => {
    const { forbidden } = createRequire(import.meta.url)(join(ROOT, ".dependency-cruiser.cjs"))
    expect(Object.keys(VIOLATIONS).sort()).toEqual(forbidden.map(({ name }: { name: string }) => name).sort())
    const planted = Object.values(VIOLATIONS).flatMap((files) => Object.entries(files))
    const texts = planted.map(([file, imported]) => [file, importing(imported)])
    const { code, output } = await checkImports(
      await plant({ ...SOUND, ...FOLDERS_NEEDED, ...Object.fromEntries(texts) }),
    )
    const expected = Object.entries(VIOLATIONS).flatMap(([rule, files]) =>
      Object.keys(files).map((file) => `${rule}: ${file}`),
    )
    expect([told(output), code]).toEqual([expected.sort(), 1])
  })

  test("on a tree that is not read: fail", async () => {
    const folder = await plant({ ...SOUND, ...FOLDERS_NEEDED })
    // Keeps dependency-cruiser from reading TypeScript.
    await writeFile(
      join(folder, ".dependency-cruiser.cjs"),
      'module.exports = { options: { includeOnly: "^nothing" } }\n',
    )
    const { code, output } = await checkImports(folder)
    expect([code, output]).toEqual([1, expect.stringContaining("Import rules were not checked for")])
  })

  test("on the project: were tried on every file, and hold", async () => {
    const { code, output } = await checkImports(ROOT)
    const [, modules] = /no dependency violations found \((\d+) modules/.exec(output) ?? []
    expect([told(output), code]).toEqual([[], 0])
    expect(Number(modules)).toBeGreaterThan(MODULES_MIN)
  })
})

test("the linter: with a promise left alone and one taken for a truth: tells of both, and of no promise awaited", async () => {
  const folder = await plant(PROMISES)
  const biome = join("node_modules", "@biomejs", "biome", "bin", "biome")
  const { code, output } = await run(folder, biome, "lint", "--max-diagnostics=none")
  expect(output).toMatch(/lib\/floats\.ts:4:3 lint\/nursery\/noFloatingPromises/)
  expect(output).toMatch(/lib\/misuses\.ts:3:\d+ lint\/nursery\/noMisusedPromises/)
  expect(output).not.toContain("lib/waits.ts")
  expect(code).toBe(1)
})

test("knip: with an export that nobody uses: tells of it, and of no other", async () => {
  const folder = await plant(EXPORTS)
  const { code, output } = await run(folder, join("node_modules", "knip", "bin", "knip.js"), "--include", "exports")
  expect(output).toMatch(/nobodyUsesThis +lib\/exports\.ts/)
  expect(output).not.toMatch(/\bused\b.*exports/)
  expect(code).toBe(1)
})
