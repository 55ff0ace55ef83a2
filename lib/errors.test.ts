import { globSync, readFileSync } from "node:fs"
import { expect, test } from "@jest/globals"
import { ERROR_CODES } from "./errors.ts"

test("each error code that clients are told of is thrown somewhere", () => {
  const files = globSync("{functions,lib}/**/*.ts").filter((file) => !file.endsWith(".test.ts"))
  const code = files.map((file) => readFileSync(file, "utf8")).join("\n")
  const thrown = new Set([...code.matchAll(/new ApiError\(\s*"(\w+)"/g)].map(([, name]) => name))
  expect([...thrown].sort()).toEqual(Object.keys(ERROR_CODES).sort())
})
