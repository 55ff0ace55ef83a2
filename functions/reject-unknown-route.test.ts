import { describe, expect, test } from "@jest/globals"
import { invoke } from "../test/steps/gateway-event.ts"
import { handler } from "./reject-unknown-route.ts"

const MESSAGES = "/applications/abcdefghijklmnopqrstuvwx/chats/1/messages"

describe("a call that no route takes", () => {
  test.each([
    ["DELETE", "/applications", "POST, GET, HEAD, OPTIONS"],
    ["POST", "/applications/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["PUT", `${MESSAGES}/search`, "POST, GET, HEAD, OPTIONS"],
    ["GET", `${MESSAGES}/batch`, "POST, OPTIONS"],
    ["TRACE", `${MESSAGES}/5`, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["POST", "/health", "GET, HEAD, OPTIONS"],
  ])("%s %s, is 405 with Allow: %s", async (method, path, allow) => {
    const answer = await invoke(handler, { method, path })
    expect(answer).toMatchObject({ status: 405, body: { code: "method_not_allowed" }, headers: { allow } })
  })

  test.each([
    ["GET", "/"],
    ["GET", "/application"],
    ["POST", `${MESSAGES}/5/6`],
    ["GET", "/applications/"],
  ])("%s %s, is 404", async (method, path) => {
    const answer = await invoke(handler, { method, path })
    expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } })
    expect(answer.headers).not.toHaveProperty("allow")
  })

  test("HEAD where the gateway does not give it to GET, is 405 and not offered", async () => {
    const answer = await invoke(handler, { method: "HEAD", path: "/health" })
    expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, OPTIONS" } })
  })

  test.each([
    ["OPTIONS", "/applications", "POST, GET, HEAD, OPTIONS"],
    ["OPTIONS", "/health", "GET, HEAD, OPTIONS"],
  ])("%s %s that is no preflight, is 204 with Allow: %s", async (method, path, allow) => {
    expect(await invoke(handler, { method, path })).toMatchObject({ status: 204, headers: { allow }, text: undefined })
  })

  test.each([
    ["/applications", "GET", false],
    ["/applications", "HEAD", false],
    ["/applications/abcdefghijklmnopqrstuvwx", "DELETE", false],
    ["/applications/abcdefghijklmnopqrstuvwx", "GET", true],
    [`${MESSAGES}`, "POST", true],
    ["/nothing", "POST", true],
  ])("a preflight for %s by %s, lets other origins on only where a token is enough", async (path, asked, isOpen) => {
    const headers = { origin: "https://app.example", "access-control-request-method": asked }
    const answer = await invoke(handler, { method: "OPTIONS", path, headers })
    expect(answer.status).toBe(204)
    expect(answer.headers["access-control-allow-origin"]).toBe(isOpen ? "*" : undefined)
    expect(answer.headers["access-control-allow-methods"]).toContain(asked)
  })

  test("with a body of any kind, is answered the same", async () => {
    const answer = await invoke(handler, {
      method: "POST",
      path: "/nowhere",
      body: "{",
      headers: { "content-type": "x" },
    })
    expect(answer.status).toBe(404)
  })
})
