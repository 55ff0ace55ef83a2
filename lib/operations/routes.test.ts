import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, test } from "@jest/globals"
import { REQUEST_TIMEOUT_MS } from "../http/endpoint.ts"
import { allowOf, methodsOf, REJECTED_ROUTES, ROUTES } from "./routes.ts"

const ROOT = new URL("../../", import.meta.url)
const SERVERLESS = new URL("serverless.yml", ROOT)

const CHAT = "/applications/abcdefghijklmnopqrstuvwx/chats/1"

describe("the methods of a path", () => {
  test.each([
    ["/applications", ["POST", "GET"]],
    ["/applications/", ["POST", "GET"]],
    ["/applications/anything%20at-all", ["GET", "PUT", "PATCH", "DELETE"]],
    [`${CHAT}`, ["GET", "PUT", "PATCH", "DELETE"]],
    ["/applications/x/chats/abc/messages", ["POST", "GET", "DELETE"]],
    [`${CHAT}/messages/1`, ["GET", "PUT", "PATCH", "DELETE"]],
    [`${CHAT}/messages/search`, ["POST", "GET"]],
    ["/health", ["GET"]],
    ["/health/ready", ["GET"]],
    ["/problems/not_found", ["GET"]],
  ])("%s are %j", (path, methods) => {
    expect(methodsOf(path)).toEqual(methods)
  })

  test.each([
    "",
    "/",
    "//",
    "/application",
    "/applications//chats",
    "/applications/x/chat",
    `${CHAT}/messages/1/2`,
    "/health/x",
    "/problems",
    "/{token}",
  ])("of a path that is not ours (%p) are none", (path) => {
    expect(methodsOf(path)).toEqual([])
  })

  test("list HEAD beside GET, and OPTIONS always", () => {
    expect(allowOf(["GET", "POST"])).toEqual(["GET", "HEAD", "POST", "OPTIONS"])
    expect(allowOf(["DELETE"])).toEqual(["DELETE", "OPTIONS"])
  })
})

test("every route leads to a function that has a file", () => {
  const files = readdirSync(new URL("functions", ROOT))
  for (const route of [...ROUTES, ...REJECTED_ROUTES]) expect(files).toContain(`${route.function}.ts`)
})

/** Returns "METHOD path function" of every httpApi event in serverless.yml, where functions are indented by two. */
function deployedRoutes(text: string): string[] {
  const routes: string[] = []
  let name = ""
  for (const line of text.split("\n")) {
    name = /^ {2}([a-z-]+):/.exec(line)?.[1] ?? name
    for (const [, method, path] of line.matchAll(/httpApi:\s*["']?([A-Z]+) (\/[^\s"',\]]*)/g))
      routes.push(`${method} ${path} ${name}`)
  }
  return routes.sort()
}

test("serverless.yml has the same routes", () => {
  const ours = [...ROUTES, ...REJECTED_ROUTES].flatMap(({ methods, path, function: name }) =>
    methods.map((method) => `${method} ${path} ${name}`),
  )
  const deployed = deployedRoutes(readFileSync(SERVERLESS, "utf8"))
  expect(deployed.filter((route) => !route.startsWith("HEAD "))).toEqual(ours.sort())
})

test("the gateway answers no preflight itself, since its one rule for all routes would hide ours", () => {
  expect(readFileSync(SERVERLESS, "utf8")).not.toMatch(/^\s*cors:/m)
})

test("the routes that administer applications are those whose function asks for an admin key", () => {
  for (const { function: name, administers } of ROUTES) {
    const source = readFileSync(new URL(`functions/${name}.ts`, ROOT), "utf8")
    expect([name, source.includes("adminKeys")]).toEqual([name, administers === true])
  }
})

test("serverless.yml lets every function run for longer than a request may take", () => {
  const timeouts = [...readFileSync(SERVERLESS, "utf8").matchAll(/\btimeout: (\d+)/g)].map(([, seconds]) =>
    Number(seconds),
  )
  expect(timeouts.length).toBeGreaterThan(0)
  for (const seconds of timeouts) expect(seconds * 1000).toBeGreaterThan(REQUEST_TIMEOUT_MS)
})
