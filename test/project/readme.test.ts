// What the README says of the project, and SECURITY.md of reports, agrees with its sources.
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { LIMITS } from "../../lib/limits.ts"
import { ROUTES } from "../../lib/operations/routes.ts"
import { ROOT } from "../../local/services/settings.ts"
import { matches, projectPaths, read, sectionOf } from "../steps/project-files.ts"

const readme = read("README.md")
const folders = (path: string): string[] =>
  readdirSync(join(ROOT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)

describe("the README's first screen", () => {
  /** Lines of text that fit on one screen in an editor of usual size. */
  const LINES = 40
  const screen = readme.split("\n").slice(0, LINES).join(" ")

  test.each([
    ["the token is a secret of the server", /token is a secret of your server/],
    ["the admin key is to be set", /Set `ADMIN_API_KEY`/],
    ["who may list the tokens without it", /anyone can list all applications/],
    ["it knows no end users, and pushes nothing", /no end users.* no live connections/],
    ["it has not been tried on AWS", /has not been tried on AWS/],
  ])("says: %s", (_name, pattern) => {
    expect(screen).toMatch(pattern)
  })
})

describe("the README's table of calls", () => {
  /** Returns the calls of a row. Methods belong to the path after them, or in `the same with POST` to that before. */
  function callsOf(row: string): string[] {
    const calls: string[] = []
    let waiting: string[] = []
    let path = ""
    for (const [word] of row.matchAll(/\b(?:GET|POST|PUT|PATCH|DELETE)\b|(?<=[ `])[/…][^\s`?]*/g)) {
      if (/^[A-Z]/.test(word)) waiting.push(word)
      else {
        path = word
          .replace(/^…\/chats\//, "/applications/{token}/chats/")
          .replace(/^…\/messages/, "/applications/{token}/chats/{number}/messages")
        calls.push(...waiting.map((method) => `${method} ${path}`))
        waiting = []
      }
    }
    return [...calls, ...waiting.map((method) => `${method} ${path}`)]
  }

  test("has every route, and no other", () => {
    const rows = matches(sectionOf("README.md", "Calls"), /^\| (`.*?) +\|/gm)
    const routes = ROUTES.flatMap(({ methods, path }) =>
      methods.map((method) => `${method} ${path.replaceAll(/\{(chat_)?number\}/g, "{number}")}`),
    )
    expect([...new Set(rows.flatMap(callsOf))].sort()).toEqual(routes.sort())
  })
})

test("the README's layout: has every folder of the project, and those in them, and no other", () => {
  const lines = matches(sectionOf("README.md", "Layout"), /^([\w.]+\/ .*)$/gm)
  const mapped = lines.map((line) => {
    const [, folder = "", text = ""] = /^([\w.]+)\/ +(.*)$/.exec(line) ?? []
    return [folder, matches(text, /([\w.-]+)\/(?![\w`])/g).sort()]
  })
  // Hidden folders other than that of CI belong to editors.
  const shown = folders(".").filter((name) => name === ".ci" || !name.startsWith("."))
  const there = projectPaths().filter((path) => shown.includes(path))
  // `npm run client:build` writes client/dist.
  const expected = there.map((folder) => [
    folder,
    folders(folder)
      .filter((name) => name !== "dist")
      .sort(),
  ])
  const byName = (entries: unknown[][]) => entries.sort(([one], [other]) => (`${one}` < `${other}` ? -1 : 1))
  expect(byName(mapped)).toEqual(byName(expected))
})

test("the README's limits: are those of the contract", () => {
  const number = (value: number) => value.toLocaleString("en")
  const [limits, calls] = [sectionOf("README.md", "Limits"), sectionOf("README.md", "Calls").replaceAll(/\s+/g, " ")]
  const row = (name: string) => new RegExp(`^\\| ${name} +\\| (.*?) +\\|$`, "m").exec(limits)?.[1]
  expect(row("name")).toContain(`1–${LIMITS.nameMax} characters`)
  expect(row("message body")).toContain(`1–${number(LIMITS.bodyMax)} characters`)
  expect(row("`sender`")).toContain(`1–${LIMITS.senderMax} characters`)
  expect(row("`metadata`")).toContain(
    `${number(LIMITS.metadataBytesMax)} bytes of compact JSON, nested ${LIMITS.metadataDepthMax} levels`,
  )
  expect(row("search query")).toBe(
    `1–${LIMITS.queryMax} characters; \`total\` is exact up to ${number(LIMITS.searchTotalMax)}`,
  )
  const mebibytes = LIMITS.batchBytesMax / 1024 / 1024
  expect(row("request body")).toContain(
    `${LIMITS.requestBytesMax / 1024} KiB (a batch: ${mebibytes} MiB), nested ${LIMITS.jsonDepthMax} levels`,
  )
  expect(row("batch")).toContain(`1–${LIMITS.batchMax} messages`)
  expect(row("page × limit")).toContain(`${number(LIMITS.offsetMax)};`)
  expect(calls).toContain(`\`limit\` (1–${LIMITS.pageLimitMax}, ${LIMITS.pageLimitDefault} unless told)`)
  expect(calls).toContain(
    `1–${LIMITS.idempotencyKeyMax} visible ASCII characters (at least ${LIMITS.applicationIdempotencyKeyMin} for applications). It holds for ${LIMITS.idempotencyHours} hours`,
  )
})

test("the README's operator commands: are those there are", () => {
  const named = matches(sectionOf("README.md", "Work on the stores"), /`npm run ops -- ([a-z-]+)/g)
  const commands = matches(read("local/ops.ts"), /from "\.\/ops\/([a-z-]+)\.ts"/g)
  const helpers = ["arguments", "command", "output"]
  expect([...new Set(named)].sort()).toEqual(commands.filter((name) => !helpers.includes(name)).sort())
})

test("SECURITY.md: says where to report, what to send and what to expect", () => {
  const reporting = sectionOf("SECURITY.md", "Reporting").replaceAll(/\n(?!\n)/g, " ")
  for (const said of [
    "Report a vulnerability",
    "the **Security** tab of the repository",
    "### What to send",
    "### What to expect",
  ])
    expect(reporting).toContain(said)
})
