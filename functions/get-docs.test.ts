import { createHash } from "node:crypto"
import { describe, expect, test } from "@jest/globals"
import { ERROR_CODES } from "../lib/errors.ts"
import { invoke } from "../test/steps/gateway-event.ts"
import { handler as getDocs } from "./get-docs.ts"
import { handler as getHealth } from "./get-health.ts"
import { handler as getOpenapi } from "./get-openapi.ts"

describe("the docs page", () => {
  test("explains every error code under its anchor", async () => {
    const { status, text, headers } = await invoke(getDocs)
    expect(status).toBe(200)
    expect(headers["content-type"]).toBe("text/html; charset=utf-8")
    for (const code of Object.keys(ERROR_CODES)) expect(text).toContain(`id="error-${code}"`)
  })

  test("loads nothing from elsewhere, and its policy lets run just what is in it", async () => {
    const { text = "", headers } = await invoke(getDocs)
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    const policy = String(headers["content-security-policy"])
    const inline = [...text.matchAll(/<(script|style)[^>]*>(.*?)<\/\1>/gs)]
    expect(inline).toHaveLength(2)
    for (const [, name, source = ""] of inline)
      expect(policy).toContain(`${name}-src 'sha256-${createHash("sha256").update(source).digest("base64")}'`)
    expect(policy).not.toContain("unsafe")
    expect(text).not.toMatch(/ style=| on\w+=/)
  })

  test("sends each method as HTTP has it: fetch leaves patch in lower case", async () => {
    const { docsScript } = await import("../lib/http/document/docs-script.ts")
    const [, methods = ""] = /const METHODS = (\[[^\]]*\])/.exec(docsScript) ?? []
    expect(JSON.parse(methods)).toEqual(["GET", "POST", "PUT", "PATCH", "DELETE"])
    expect(docsScript).toContain("fetch(url, { method, headers, body })")
  })

  test("has a script that parses", async () => {
    const { docsScript } = await import("../lib/http/document/docs-script.ts")
    expect(() => new Function(docsScript)).not.toThrow()
  })
})

test("the OpenAPI document is served as JSON", async () => {
  const answer = await invoke(getOpenapi)
  expect(answer).toMatchObject({ status: 200, body: { openapi: "3.1.0" } })
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
})

test("health says that the process answers", async () => {
  expect(await invoke(getHealth)).toMatchObject({ status: 200, body: { status: "ok" } })
})
