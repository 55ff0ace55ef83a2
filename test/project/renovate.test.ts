// renovate.json finds the versions outside the files that Renovate knows by itself.
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"

type CustomManager = { managerFilePatterns: string[]; matchStrings: string[]; depNameTemplate?: string }
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8")
const { customManagers } = JSON.parse(read("renovate.json")) as { customManagers: CustomManager[] }

/** Returns a regular expression that Renovate writes between slashes. */
const expression = (text: string): RegExp => new RegExp(text.replace(/^\/(.*)\/$/s, "$1"))

test("the managers of our own: each: finds one file, and in it one version", () => {
  const files = globSync(["{.ci,local}/**/*", ".ci/*"], { cwd: ROOT })
  expect(customManagers.length).toBeGreaterThan(0)
  for (const { managerFilePatterns, matchStrings, depNameTemplate } of customManagers) {
    const found = new Set(files.filter((file) => managerFilePatterns.some((text) => expression(text).test(file))))
    expect([managerFilePatterns, found.size]).toEqual([managerFilePatterns, 1])
    for (const text of matchStrings) {
      const [path = ""] = found
      const matches = [...read(path).matchAll(new RegExp(text, "g"))].map(({ groups }) => groups)
      expect(matches).toEqual([expect.objectContaining({ currentValue: expect.stringMatching(/^\d+(\.\d+)+$/) })])
      expect(depNameTemplate ?? matches[0]?.depName).toEqual(expect.any(String))
    }
  }
})

test("the rules: each name of a package or an image in them fits one that is used here", () => {
  const { packageRules } = JSON.parse(read("renovate.json")) as { packageRules: { matchPackageNames?: string[] }[] }
  const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<string, Record<string, string>>
  const images = [
    ...`${read("docker-compose.yml")}\n${read("docker-compose.metrics.yml")}\n${read("Dockerfile")}`.matchAll(
      /^(?:\s+image:|FROM) (\S+):/gm,
    ),
  ]
  const poms = globSync("local/native/*.pom.xml", { cwd: ROOT }).flatMap((path) => [
    ...read(path).matchAll(/<groupId>([^<]+)<\/groupId>\s*<artifactId>([^<]+)/g),
  ])
  const used = [
    ...Object.keys({ ...dependencies, ...devDependencies }),
    ...images.map(([, image = ""]) => image),
    ...poms.map(([, group, artifact]) => `${group}:${artifact}`),
  ]
  const names = packageRules.flatMap(({ matchPackageNames = [] }) => matchPackageNames)
  const fits = (name: string) => {
    const text = name.replace(/^!/, "")
    return used.some((one) => (text.startsWith("/") ? expression(text).test(one) : text === one))
  }
  expect(names.filter((name) => !fits(name))).toEqual([])
  expect(names.length).toBeGreaterThan(5)
})
