import { globSync, readFileSync } from "node:fs"
import { expect, test } from "@jest/globals"
import { ERROR_CODES } from "./errors.ts"

const sourceOf = (pattern: string): string =>
  globSync(pattern)
    .filter((file) => !file.endsWith(".test.ts"))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n")

test("each error code that clients are told of is thrown by a function, or given by the emulator's server", () => {
  const thrown = [...sourceOf("{functions,lib}/**/*.ts").matchAll(/new ApiError\(\s*"(\w+)"/g)].map(([, name]) => name)
  const server = sourceOf("local/http-server/*.ts")
  const given = Object.keys(ERROR_CODES).filter((code) => server.includes(`"${code}"`))
  expect([...new Set([...thrown, ...given])].sort()).toEqual(Object.keys(ERROR_CODES).sort())
})
