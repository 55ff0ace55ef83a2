// The clients of MySQL and Redis as they are in a function's bundle, from which parts of the drivers are left out.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "@jest/globals"
import { build, type Plugin } from "esbuild"
import { ROOT } from "../../local/services/settings.ts"
import { askStores } from "../steps/bundled-clients.ts"
import { runNode } from "../steps/child.ts"
import { useTestStores } from "../steps/stores.ts"

const RUN_LIMIT_MS = 30_000
/** As serverless.yml has it: ioredis tells an error's name by its class. */

const stores = useTestStores()

/** Runs the same questions in a bundle in a new process, outside of any node_modules. */
async function askBundled(folder: string, urls: string[]): Promise<unknown> {
  const plugins = createRequire(import.meta.url)("../../local/esbuild-plugins.cjs") as Plugin[]
  const questions = JSON.stringify(join(ROOT, "test", "steps", "bundled-clients.ts"))
  const ask = `askStores(...${JSON.stringify(urls)}).then((told) => console.log(JSON.stringify(told)))`
  await build({
    stdin: { contents: `import { askStores } from ${questions}\n${ask}`, resolveDir: ROOT },
    bundle: true,
    minify: true,
    keepNames: true,
    mainFields: ["module", "main"],
    platform: "node",
    format: "cjs",
    outdir: folder,
    plugins,
  })
  const { code, stdout, stderr } = await runNode(["stdin.js"], { cwd: folder, env: {}, limitMs: RUN_LIMIT_MS })
  expect([code, stderr]).toEqual([0, ""])
  return JSON.parse(stdout)
}

test("texts, bytes, numbers and errors: through a bundle: are the same as without", async () => {
  const { MYSQL_URL, REDIS_URL } = stores().config
  const folder = await mkdtemp(join(tmpdir(), "chat-backend-bundle-"))
  try {
    await writeFile(join(folder, "package.json"), '{"type":"commonjs"}')
    type Told = { answers: unknown[]; refused: unknown }
    const own = JSON.parse(JSON.stringify(await askStores(MYSQL_URL, REDIS_URL))) as Told
    const { answers, refused } = (await askBundled(folder, [MYSQL_URL, REDIS_URL])) as Told
    expect(answers).toEqual(own.answers)
    const told = JSON.stringify(answers)
    for (const one of ["日本語 🙂", "дом", "Größe", "größe", "ER_DATA_TOO_LONG", "ER_DUP_ENTRY", "ER_NO_SUCH_TABLE"])
      expect(told).toContain(one)
    expect(told).toContain('"name":"ReplyError"')
    expect(JSON.stringify(refused)).toContain("NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem")
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
