// What stands for parts of packages in bundles, compared with those parts.
import { globSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { build, type Plugin } from "esbuild"
import { ROOT } from "../services/settings.ts"

const require = createRequire(import.meta.url)
/** Returns the path of what a package of ours depends on. */
const inner = (...parts: string[]): string => join(ROOT, "node_modules", ...parts)

/** Returns what a module exports once it is bundled with a plugin. */
async function bundled(module: string, plugin: Plugin): Promise<Record<string, unknown>> {
  const { outputFiles } = await build({
    stdin: { contents: `module.exports = require(${JSON.stringify(module)})`, resolveDir: ROOT },
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    format: "cjs",
    plugins: [plugin],
  })
  const made = { exports: {} }
  new Function("module", "require", outputFiles[0]?.text ?? "")(made, require)
  return made.exports
}

describe("the errors of mysql2, bundled", () => {
  test("have the same numbers and names", async () => {
    const path = inner("mysql2", "lib", "constants", "errors.js")
    const names = await bundled(path, require("./lean-mysql2.cjs") as Plugin)
    expect(Object.keys(names).length).toBeGreaterThan(3_000)
    expect({ ...names }).toEqual({ ...(require(path) as object) })
  })
})

describe("the conversion of texts, bundled", () => {
  type Codec = { write(from: unknown): unknown; end(): unknown }
  type Converter = { getDecoder(encoding: string): Codec; getEncoder(encoding: string): Codec }
  const converter = require("./utf8-only.cjs") as Converter
  const original = require(inner("iconv-lite")) as { decode(bytes: Buffer, encoding: string): string }

  test("of utf8mb3: is that of iconv-lite, both ways", () => {
    const text = "Größe, 日本語, \u0000\uFFFD"
    const bytes = Buffer.from(text, "utf8")
    expect(converter.getDecoder("cesu8").write(bytes)).toBe(original.decode(bytes, "cesu8"))
    expect(converter.getEncoder("cesu8").write(text)).toEqual(bytes)
  })

  test.each(["big5", "cp1251"])("of %s: is refused with an error that names it", (encoding) => {
    expect(() => converter.getDecoder(encoding)).toThrow(`no character set ${encoding}`)
    expect(() => converter.getEncoder(encoding)).toThrow(`no character set ${encoding}`)
  })
})

describe("the commands of ioredis, bundled", () => {
  test("are those that it has, and include each one that the client of Redis uses", async () => {
    const list = await bundled(inner("@ioredis", "commands"), require("./lean-ioredis.cjs") as Plugin)
    const all = require(inner("@ioredis", "commands")) as { list: string[] }
    expect(all.list).toEqual(expect.arrayContaining(list.list as string[]))
    const client = globSync("lib/clients/redis*.ts", { cwd: ROOT }).map((file) =>
      readFileSync(join(ROOT, file), "utf8"),
    )
    const called = [...client.join().matchAll(/(?:redis|node)\.(?:call\("([A-Z]+)"|([a-z]+)\()/g)].map(([, a, b]) =>
      (a ?? b ?? "").toLowerCase(),
    )
    const commands = called.filter((name) => all.list.includes(name))
    expect(commands).toEqual(expect.arrayContaining(["asking", "cluster", "config", "eval", "evalsha", "info", "quit"]))
    expect(list.list).toEqual(expect.arrayContaining(commands))
  })
})
