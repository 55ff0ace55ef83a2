// docs/faults.md lists the faults of the catalogue.
import { expect, test } from "@jest/globals"
import { faultsFor } from "../../campaign/faults/catalogue.ts"
import { nodeFaults } from "../../campaign/faults/node-faults.ts"
import { DISK_KINDS } from "../../campaign/targets/disks.ts"
import type { Target } from "../../campaign/targets/target.ts"
import { matches, sectionOf } from "../steps/project-files.ts"

test("the table of a cluster's faults: has every fault of a node once", () => {
  const listed = [...sectionOf("docs/faults.md", "A cluster of Redis").matchAll(/^\| `([^`]+)` +\|/gm)]
  const expected = nodeFaults({ movesAtOnce: true }, Math.random).map(({ name }) => name)
  expect(listed.map(([, name]) => name).sort()).toEqual(expected.sort())
})

test("the table of faults: has every fault of a whole target once, by what it harms, and those that lose data", () => {
  const disks = DISK_KINDS.map((kind) => ({ kind }))
  const faults = faultsFor({ disks } as unknown as Target, Math.random)
  const rows = [...sectionOf("docs/faults.md", "The faults").matchAll(/^\| `(\w+)` +\| (.*) \|$/gm)]
  const listed = rows.flatMap(([, harms = "", text = ""]) => {
    const [keeping = "", losing = ""] = text.split("with loss of data:")
    const named = (part: string, losesData: boolean) =>
      matches(part, /`([^`]+)`/g).map((name) => ({ name, harms, losesData }))
    return [...named(keeping, false), ...named(losing, true)]
  })
  const expected = faults.map(({ name, harms, losesData = false }) => ({ name, harms, losesData }))
  const byName = (entries: { name: string }[]) => entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  expect(byName(listed)).toEqual(byName(expected))
})
