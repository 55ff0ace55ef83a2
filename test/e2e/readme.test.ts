// The documents against the project: the README's commands run, and what the documents name is there.
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { readConfig } from "../../lib/config.ts"
import { portVariable, ROOT, SERVICE_NAMES } from "../../local/services/settings.ts"
import { eventually } from "../steps/eventually.ts"
import { copyProject } from "../steps/project-copy.ts"
import { childEnvironment, useRunningApi } from "../steps/running-api.ts"

const SEARCH_LIMIT_MS = 60_000
/** A slow machine bundles a function in some seconds. */
const COMMAND_LIMIT_MS = 90_000

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8")
const decisions = readdirSync(join(ROOT, "docs", "decisions")).map((file) => `docs/decisions/${file}`)
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
  ...["docs/architecture.md", "docs/operations.md", "docs/licences.md", "docs/faults.md", ...decisions],
]
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found]) => found ?? "")

/** The README's blocks of commands that are run here: those marked `sh`, below a heading. */
function commandsBelow(heading: string): string[] {
  const [, below = ""] = read("README.md").split(`\n## ${heading}\n`)
  const [section = ""] = below.split("\n## ")
  return matches(section, /```sh\n([\s\S]*?)```/g)
}

/** Runs a script as a shell would, and answers what it printed. Throws unless every command of it succeeded. */
function runShell(script: string, cwd: string, environment: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = childEnvironment(environment)
    const shell = spawn("sh", ["-eu", "-c", script], { cwd, env, timeout: COMMAND_LIMIT_MS })
    let stdout = ""
    let stderr = ""
    shell.stdout.on("data", (chunk: Buffer) => (stdout += chunk))
    shell.stderr.on("data", (chunk: Buffer) => (stderr += chunk))
    shell.once("error", reject)
    shell.once("close", (code, signal) =>
      code === 0 ? resolve(stdout) : reject(new Error(`ended with ${signal ?? code}: ${stdout}${stderr}`)),
    )
  })
}

describe("the README's commands", () => {
  const { api, queues } = useRunningApi()

  const tryIt = async (script: string): Promise<string[]> => {
    const output = await runShell(script.replaceAll("http://localhost:3000", api().baseUrl), ROOT, {})
    return output.trim().split("\n")
  }

  test("pasted one after the other into a shell: create, list and find what they say", async () => {
    const blocks = commandsBelow("Try it")
    const [search = ""] = blocks.splice(-1)
    const lines = await tryIt([...blocks, 'echo "$token"'].join("\n"))
    const token = lines.pop() ?? ""
    const [ready, application, chat, first, second, again, list] = lines.map((line) => JSON.parse(line))
    expect(ready).toMatchObject({ status: "ready" })
    expect(application).toMatchObject({ token, name: "Support", chats_count: 0 })
    expect(chat).toMatchObject({ number: 1, name: "Order 1001" })
    expect(first).toMatchObject({ number: 1, body: "Größe L, 100% Wolle: where is my parcel?" })
    expect(second).toMatchObject({ number: 2 })
    expect(again).toEqual(second)
    expect(list).toEqual({ data: [second, first], next_cursor: null })

    const variables = `token=${token}\n${blocks[0]?.split("\n")[0]}\n`
    await eventually(async () => {
      const [found = ""] = await tryIt(variables + search)
      const { total, data } = JSON.parse(found)
      expect([total, data[0]?.highlight]).toEqual([1, "<em>Größe L, 100%</em> Wolle: where is my parcel?"])
    }, SEARCH_LIMIT_MS)
  })

  test("a function called without the emulator: answers and ends", async () => {
    const [command = ""] = commandsBelow("Work on the stores")
    const { folder, remove } = await copyProject()
    try {
      const output = await runShell(command, folder, queues())
      expect(output).toMatch(/"statusCode": 201/)
      expect(output).toMatch(/"location": "\/applications\/[\w-]{24}"/)
    } finally {
      await remove()
    }
  })
})

const GENERATED = new Set(["node_modules", ".git", ".data", ".esbuild", ".serverless", "coverage"])

/** Everything in the repository that is not generated, by its path. */
const files = readdirSync(ROOT, { withFileTypes: true })
  .filter(({ name }) => !GENERATED.has(name))
  .flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name]
    return readdirSync(join(ROOT, entry.name), { recursive: true }).map((path) => join(entry.name, String(path)))
  })
const fileNames = new Set(files.map((path) => basename(path)))

/** The fragments that a heading can be linked by. */
const fragmentsOf = (document: string): string[] =>
  matches(read(document), /^#+ (.*)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, "")
      .replaceAll(" ", "-"),
  )

describe.each(DOCUMENTS)("%s", (document) => {
  const text = read(document)

  test("its links lead somewhere", () => {
    const links = matches(text, /\]\(([^)\s]+)\)/g).filter((link) => !/^https?:/.test(link))
    const broken = links.filter((link) => {
      const [path = "", fragment] = link.split("#")
      const target = path === "" ? document : relative(ROOT, join(ROOT, dirname(document), path))
      if (!existsSync(join(ROOT, target))) return true
      return fragment !== undefined && !fragmentsOf(target).includes(fragment)
    })
    expect(broken).toEqual([])
  })

  test("the scripts of npm that it names exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> }
    const named = matches(text, /npm run (?:--silent )?([a-z][a-z:-]*)/g)
    expect(named.filter((script) => !(script in scripts))).toEqual([])
  })

  test("the files and folders that it names exist", () => {
    const named = matches(text, /`([^`\s]+)`/g)
    const paths = named.filter((name) => /^(functions|lib|local|migrations|proxy|test|docs)\/[\w./-]*$/.test(name))
    const loose = named.filter((name) => /^[\w-]+(\.test)?\.(ts|mjs|yml|java|conf)$/.test(name) && name !== "x.test.ts")
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
    expect(loose.filter((name) => !fileNames.has(name))).toEqual([])
  })

  test("the variables that it names are in .env.example, or are those of an image", () => {
    const ofImages = matches(read("docker-compose.yml"), /^ {6}([A-Z_]+):/gm)
    const known = new Set([...variablesOf(read(".env.example")), ...ofImages])
    const prefixes = "CHAT|MYSQL|REDIS|SQS|ELASTICSEARCH|PERSIST|INDEX|OUTBOX|AWS|LOG|LAMBDA|ADMIN|RATE|TRUSTED"
    const named = matches(text, new RegExp(`\\b((?:${prefixes})_[A-Z_]+|PORT|HOST)\\b`, "g"))
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

const variablesOf = (example: string): string[] => matches(example, /^#([A-Z_]+)=/gm)

describe(".env.example", () => {
  const example = read(".env.example")
  const described = variablesOf(example)
  const configured = matches(read("lib/config.ts"), /^ {2}([A-Z_]+):/gm)
  const elsewhere = [
    ...matches(read("serverless.yml"), /\$\{env:([A-Z_]+)/g),
    ...matches(read("docker-compose.yml"), /[^$]\$\{([A-Z_]+)/g),
    ...(["start", "test", "faults", "bench"] as const).flatMap((stack) =>
      SERVICE_NAMES.map((service) => portVariable(stack, service)),
    ),
  ]

  test("has every variable that is read, once", () => {
    expect(configured.length).toBeGreaterThan(10)
    expect([...configured, ...elsewhere, "LOG_LEVEL"].filter((name) => !described.includes(name))).toEqual([])
    expect(described.filter((name, index) => described.indexOf(name) !== index)).toEqual([])
  })

  test("has no variable that nothing reads", () => {
    const sources = files.filter((path) => /^(lib|local)\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"))
    const code = sources.map(read).join("\n")
    const unread = described.filter(
      (name) => !configured.includes(name) && !elsewhere.includes(name) && !new RegExp(`\\b${name}\\b`).test(code),
    )
    expect(unread).toEqual([])
  })

  test("sets nothing as it is, and with every line taken in is a configuration with the defaults", () => {
    expect(matches(example, /^([^#\n].*)$/gm)).toEqual([])
    const values = [...example.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value])
    const all = readConfig(Object.fromEntries(values))
    const { ELASTICSEARCH_INDEX, AWS_REGION, ...others } = all
    const isText = ([, value]: [string, unknown]): boolean => typeof value === "string"
    const required = Object.fromEntries(Object.entries(others).filter(isText)) as Record<string, string>
    const defaults = readConfig(required)
    expect(defaults).toEqual({ ...others, ELASTICSEARCH_INDEX, AWS_REGION })
  })
})

test("every decision is linked from the architecture", () => {
  const text = read("docs/architecture.md")
  expect(decisions.filter((file) => !text.includes(`](decisions/${basename(file)})`))).toEqual([])
})
