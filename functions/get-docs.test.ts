import { createHash } from "node:crypto"
import { gunzipSync } from "node:zlib"
import { describe, expect, test } from "@jest/globals"
import { expectProblem } from "../test/steps/expect-problem.ts"
import { gatewayEvent, invocation, invoke } from "../test/steps/gateway-event.ts"
import { handler as getDocs } from "./get-docs.ts"
import { handler as getHealth } from "./get-health.ts"
import { handler as getOpenapi } from "./get-openapi.ts"

/** What Lambda lets an answer be at most, Base64 included: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ANSWER_BYTES_MAX = 6 * 1024 * 1024
const GZIP = { "accept-encoding": "gzip, deflate, br" }

/** Returns the files that the page names, with the hashes in their addresses. */
async function namedFiles(): Promise<[string, string][]> {
  const { text = "" } = await invoke(getDocs)
  const named = [...text.matchAll(/(?:src|href)="docs\/([^"?]+)\?v=([^"]+)"/g)]
  return named.map(([, asset = "", hash = ""]) => [asset, hash])
}

const ask = (asset: string, queryString = "", headers: Record<string, string> = {}) =>
  invoke(getDocs, { path: `/docs/${asset}`, pathParameters: { asset }, queryString, headers })

describe("the docs page", () => {
  test("loads nothing from elsewhere, and its policy allows nothing inline", async () => {
    const { status, text = "", headers } = await invoke(getDocs)
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"])
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    expect(text).not.toMatch(/<style|<script(?![^>]* src=)| style=| on\w+=/)
    const policy = String(headers["content-security-policy"])
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /)
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
  })

  test("is made anew for each reader, so that nobody can guess the nonce of its styles", async () => {
    const nonces = await Promise.all(
      [1, 2].map(async () => {
        const { text = "", headers } = await invoke(getDocs)
        const [, nonce = ""] = /csp-nonce" content="([\w-]{22})"/.exec(text) ?? []
        expect(headers["content-security-policy"]).toContain(`style-src 'self' 'nonce-${nonce}'`)
        expect(headers["cache-control"]).toBe("no-store")
        return nonce
      }),
    )
    expect(new Set(nonces).size).toBe(2)
  })
})

describe("a file of the docs page", () => {
  test("asked for as the page names it: is compressed, small enough for Lambda, and kept for good", async () => {
    const files = await namedFiles()
    expect(files.map(([name]) => name)).toEqual(["page.css", "policy.js", "scalar.js", "page.js"])
    for (const [asset, hash] of files) {
      const event = gatewayEvent({
        path: `/docs/${asset}`,
        pathParameters: { asset },
        queryString: `v=${hash}`,
        headers: GZIP,
      })
      const answer = await getDocs(event, invocation)
      expect(answer).toMatchObject({
        statusCode: 200,
        isBase64Encoded: true,
        headers: {
          "content-type": asset.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
          "content-encoding": "gzip",
          "cache-control": "public, max-age=31536000, immutable",
          vary: "accept-encoding",
          etag: `"${hash}"`,
        },
      })
      const content = gunzipSync(Buffer.from(answer.body ?? "", "base64"))
      expect(createHash("sha256").update(content).digest("base64url").slice(0, hash.length)).toBe(hash)
      expect(answer.body?.length).toBeLessThan(ANSWER_BYTES_MAX)
    }
  })

  test.each([
    ["", "no-cache"],
    ["v=another", "no-cache"],
  ])("asked for with the query %p: is not kept, since its content may change", async (query, expected) => {
    expect((await ask("page.js", query, GZIP)).headers["cache-control"]).toBe(expected)
  })

  test.each(["", "identity", "gzip;q=0", "br"])(
    "asked for with Accept-Encoding %p: is not compressed",
    async (accepted) => {
      for (const [asset] of await namedFiles()) {
        const { headers, text = "" } = await ask(asset, "", { "accept-encoding": accepted })
        expect(headers).not.toHaveProperty("content-encoding")
        expect(Buffer.byteLength(JSON.stringify(text))).toBeLessThan(ANSWER_BYTES_MAX)
        expect(headers.etag).toBe(`"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`)
      }
    },
  )

  test("that the client has already: is 304 without a body", async () => {
    const { headers } = await ask("page.js")
    const again = await ask("page.js", "", { "if-none-match": String(headers.etag) })
    expect([again.status, again.text]).toEqual([304, undefined])
    expect((await ask("page.js", "", { "if-none-match": '"another"' })).status).toBe(200)
  })

  test.each(["none.js", "", "constructor", "__proto__", "../get-docs.ts"])(
    "%p, which there is not: is 404",
    async (asset) => {
      expectProblem(await ask(asset), 404, "not_found")
    },
  )
})

test("the OpenAPI document is served as JSON", async () => {
  const answer = await invoke(getOpenapi)
  expect(answer).toMatchObject({ status: 200, body: { openapi: "3.1.0" } })
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
})

test("health says that the process answers", async () => {
  expect(await invoke(getHealth)).toMatchObject({ status: 200, body: { status: "ok" } })
})
