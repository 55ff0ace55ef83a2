import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { PrepareFirst } from "./prepare-first.ts"
import { ROOT } from "./services/settings.ts"

const MAPPING = "lib/search/indexing/index-mapping.ts"
const lambda = (DependsOn?: string[]) => ({
  Type: "AWS::Lambda::Function",
  ...(DependsOn && { DependsOn }),
  Properties: {},
})

let serviceDir: string
beforeAll(() => {
  serviceDir = mkdtempSync(join(tmpdir(), "chat-backend-first-"))
  for (const part of ["migrations", MAPPING]) cpSync(join(ROOT, part), join(serviceDir, part), { recursive: true })
})
afterAll(() => rmSync(serviceDir, { recursive: true, force: true }))

/** Returns a template after the plugin. */
function compiled() {
  const Resources = {
    PrepareStores: { Type: "Custom::PrepareStores", Properties: {} as Record<string, unknown> },
    PrepareDashstoresLambdaFunction: lambda(),
    GetDashchatLambdaFunction: lambda(["ReaderRole"]),
    ListDashchatsLambdaFunction: lambda(),
    ReaderRole: { Type: "AWS::IAM::Role", Properties: {} },
  }
  const service = { provider: { compiledCloudFormationTemplate: { Resources } } }
  const [run] = Object.values(new PrepareFirst({ serviceDir, service }).hooks)
  run?.()
  return Resources
}
const work = (): unknown => compiled().PrepareStores.Properties.Work

test("the functions of a template: all but the one that prepares depend on the prepared stores, nothing else does", () => {
  const resources = compiled()
  expect(resources.GetDashchatLambdaFunction).toMatchObject({ DependsOn: ["ReaderRole", "PrepareStores"] })
  expect(resources.ListDashchatsLambdaFunction).toMatchObject({ DependsOn: ["PrepareStores"] })
  for (const id of ["PrepareDashstoresLambdaFunction", "ReaderRole"] as const)
    expect(resources[id]).not.toHaveProperty("DependsOn")
})

test("an unchanged checkout: has the same work; a migration, and a mapping: other work", () => {
  const first = work()
  expect(work()).toBe(first)
  const found = [first]
  writeFileSync(join(serviceDir, "migrations", "99991231_000001_next.ts"), "export const up = async () => {}\n")
  found.push(work())
  writeFileSync(join(serviceDir, MAPPING), "export const MAPPING_VERSION = 99\n")
  found.push(work())
  expect(new Set(found).size).toBe(found.length)
})

test("a template without the resource: is refused", () => {
  const service = { provider: { compiledCloudFormationTemplate: { Resources: {} } } }
  const [run] = Object.values(new PrepareFirst({ serviceDir, service }).hooks)
  expect(run).toThrow("PrepareStores")
})
