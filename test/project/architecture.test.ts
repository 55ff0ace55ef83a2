// The map and the floors of docs/architecture.md are those of the folders and the import rules.
import { readdirSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { expect, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { matches, sectionOf } from "../steps/project-files.ts"

const [map = "", floors = ""] = sectionOf("docs/architecture.md", "The map").split("\n### The floors\n")
const firstCells = (text: string): string[] => matches(text, /^\| (`.*?) +\|/gm)
const foldersOf = (path: string): string[] =>
  readdirSync(join(ROOT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${path}/${name}/`)

test("the map: has every folder of lib, and no other", () => {
  const mapped = firstCells(map).flatMap((cell) => matches(cell, /`(lib\/[\w-]+\/)`/g))
  expect(mapped.sort()).toEqual(foldersOf("lib").sort())
})

test("the map: names every folder within those of lib", () => {
  const named = new Set(matches(map, /`([\w-]+\/)`/g))
  const there = foldersOf("lib").flatMap((folder) => foldersOf(folder.slice(0, -1)))
  expect(there.filter((folder) => !named.has(`${folder.split("/").at(-2)}/`))).toEqual([])
})

test("the floors: are those of the import rules, from the top", () => {
  const { forbidden } = createRequire(import.meta.url)(join(ROOT, ".dependency-cruiser.cjs"))
  const rules = forbidden.map(({ name }: { name: string }) => name)
  const names = firstCells(floors).map((cell) => cell.replaceAll("`", ""))
  const held = rules.filter((name: string) => name.startsWith("floor-of-")).map((name: string) => name.slice(9))
  // Nothing in lib is above the first floor, so no rule is named after it.
  expect(names).toEqual(["runtime", ...held])
})
