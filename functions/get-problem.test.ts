import { createHash } from "node:crypto"
import { describe, expect, test } from "@jest/globals"
import { ERROR_TEXTS } from "../lib/error-texts.ts"
import { ERROR_CODES, type ErrorCode } from "../lib/errors.ts"
import { expectProblem } from "../test/steps/expect-problem.ts"
import { invoke } from "../test/steps/gateway-event.ts"
import { handler } from "./get-problem.ts"

const CODES = Object.keys(ERROR_CODES) as ErrorCode[]
const ask = (code: string) => invoke(handler, { path: `/problems/${code}`, pathParameters: { code } })
const plain = (text: string) => text.replaceAll("`", "")

describe("the page of an error", () => {
  test.each(CODES)("%s: says what it means and what to do, and leads to all others", async (code) => {
    const { status, headers, text = "" } = await ask(code)
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"])
    const shown = text.replaceAll(/<\/?code>/g, "")
    expect(shown).toContain(ERROR_CODES[code].title)
    expect(shown).toContain(`<p>${plain(ERROR_TEXTS[code].meaning)}</p>`)
    expect(shown).toContain(`<p>${plain(ERROR_TEXTS[code].remedy)}</p>`)
    for (const other of CODES) expect(text).toContain(`href="/problems/${other}"`)
  })

  test("has no script, and its policy allows its style and nothing else", async () => {
    const { text = "", headers } = await ask("not_found")
    const policy = String(headers["content-security-policy"])
    const [, style = ""] = /<style>(.*?)<\/style>/s.exec(text) ?? []
    expect(policy).toContain(`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`)
    expect(policy).toContain("default-src 'none'")
    expect(text).not.toMatch(/<script| style=| on\w+=|(?:src|href)="(?:https?:)?\/\//)
  })

  test.each(["no_such_code", "constructor", "__proto__", "NOT_FOUND", "", "a".repeat(65), "<b>"])(
    "%p, which no error has: is 404",
    async (code) => {
      expectProblem(await ask(code), 404, "not_found")
    },
  )
})
