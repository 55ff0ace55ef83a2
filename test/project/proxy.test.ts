// proxy/nginx.conf repeats what the API says elsewhere; the two must agree.
import { readFile } from "node:fs/promises"
import { describe, expect, test } from "@jest/globals"
import { ERROR_CODES, type ErrorCode } from "../../lib/errors.ts"
import { ANSWER_HEADERS } from "../../lib/http/reply/answer-headers.ts"
import { LIMITS } from "../../lib/limits.ts"

const conf = await readFile(new URL("../../proxy/nginx.conf", import.meta.url), "utf8")

/** Returns the entries of a map in nginx.conf. */
function mapOf(name: string): Record<string, string> {
  const [, entries = ""] = new RegExp(`map \\$\\w+ \\$${name} \\{([^}]*)\\}`).exec(conf) ?? []
  const read = [...entries.matchAll(/^\s*(\S+)\s+(?:"([^"]*)"|(\S+));$/gm)]
  return Object.fromEntries(read.map(([, key = "", quoted, bare]) => [key, quoted ?? bare ?? ""]))
}

const codeOf = (status: string, code: string): ErrorCode => {
  if (!(code in ERROR_CODES)) throw new Error(`${status} has the code ${code}, which the API does not know`)
  return code as ErrorCode
}

test("the largest body that the API takes, passes the proxy", () => {
  const [, mebibytes] = /^\s*client_max_body_size (\d+)m;$/m.exec(conf) ?? []
  expect(Number(mebibytes) * 1024 * 1024).toBe(LIMITS.batchBytesMax)
})

describe("a problem of the proxy", () => {
  const { default: otherwise = "", ...byStatus } = mapOf("problem_code")
  const codes = Object.entries(byStatus).map(([status, code]) => [status, codeOf(status, code)] as const)

  test("has one of the API's codes, by its status", () => {
    expect(codes.length).toBeGreaterThan(5)
    for (const [status, code] of codes) expect([code, ERROR_CODES[code].status]).toEqual([code, Number(status)])
    expect(codeOf("any other", otherwise)).toBe("internal_error")
  })

  test("has the API's title, and words for each code", () => {
    const [titles, details] = [mapOf("problem_title"), mapOf("problem_detail")]
    for (const [, code] of codes) expect([code, titles[code]]).toEqual([code, ERROR_CODES[code].title])
    expect(titles.default).toBe(ERROR_CODES.internal_error.title)
    expect(Object.keys(details).sort()).toEqual(Object.keys(titles).sort())
  })

  test("has the headers of the API's answers", () => {
    const added = [...conf.matchAll(/add_header (\S+) (?:"([^"]*)"|(\S+)) always;/g)]
    const headers = Object.fromEntries(added.map(([, name = "", quoted, bare]) => [name.toLowerCase(), quoted ?? bare]))
    expect(headers).toMatchObject({ ...ANSWER_HEADERS, "access-control-allow-origin": "*" })
    expect(headers).toHaveProperty("x-request-id")
  })
})
