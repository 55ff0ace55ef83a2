// Every package that runs in production may be used, and docs/licences.md says so.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { productionPackages, readLock, refusedPackages, withTables } from "../../local/licences.ts"
import { ROOT } from "../../local/services/settings.ts"

const PACKAGES_MIN = 20

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8")
const text = read("docs/licences.md")
const packages = productionPackages(readLock())

describe("the packages of production", () => {
  test("each: has a licence that asks for no more than its own text", () => {
    expect(packages.length).toBeGreaterThan(PACKAGES_MIN)
    expect(refusedPackages(packages)).toEqual([])
  })

  test("each: has the licence in node_modules that the lock file says", () => {
    const lock = readLock()
    for (const [path, { dev, devOptional, version, license }] of Object.entries(lock.packages)) {
      if (path === "" || dev || devOptional) continue
      const installed = JSON.parse(read(`${path}/package.json`)) as { version: string; license: string }
      expect([path, installed.version, installed.license]).toEqual([path, version, license])
    }
  })

  test("one without a licence, of another, and of a choice: is refused; one for development only: is not looked at", () => {
    const lock = {
      packages: {
        "": { license: "Proprietary" },
        "node_modules/good": { version: "1.0.0", license: "MIT" },
        "node_modules/good/node_modules/none": { version: "2.0.0" },
        "node_modules/@a/other": { version: "3.0.0", license: "GPL-3.0-only" },
        "node_modules/choice": { version: "4.0.0", license: "(MIT OR GPL-3.0-only)" },
        "node_modules/tool": { version: "5.0.0", license: "GPL-3.0-only", dev: true },
      },
    }
    expect(refusedPackages(productionPackages(lock)).map(({ name }) => name)).toEqual(["@a/other", "choice", "none"])
  })
})

describe("docs/licences.md", () => {
  test("has every package and image as they are now: else run npm run licences", () => {
    expect(withTables(text)).toBe(text)
  })

  test("says of each direct dependency why it is there", () => {
    const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> }
    const [, section = ""] = /^## Why each.*?$(.*?)^## /ms.exec(text) ?? []
    const named = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
    expect(named).toEqual(Object.keys(dependencies))
  })
})
