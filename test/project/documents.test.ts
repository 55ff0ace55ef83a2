// What the documents link to, name and promise exists in the project.
import { existsSync, readdirSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { exampleVariables, matches, projectPaths, read } from "../steps/project-files.ts"

const DOCUMENTS = projectPaths().filter((path) => path.endsWith(".md"))
const DOCUMENTS_MIN = 40
const fileNames = new Set(projectPaths().map((path) => basename(path)))

/** Returns the fragments by which headings can be linked. */
const fragmentsOf = (document: string): string[] =>
  matches(read(document), /^#+ (.*)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, "")
      .replaceAll(" ", "-"),
  )

test("the documents: were all looked at", () => {
  expect(DOCUMENTS.length).toBeGreaterThan(DOCUMENTS_MIN)
})

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
    const paths = named.filter((name) =>
      /^(bench|campaign|deployment|functions|infra|lib|local|migrations|proxy|test|docs)\/[\w./-]*$/.test(name),
    )
    const loose = named.filter((name) => /^[\w-]+(\.test)?\.(ts|mjs|yml|java|conf)$/.test(name) && name !== "x.test.ts")
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
    expect(loose.filter((name) => !fileNames.has(name))).toEqual([])
  })

  test("the variables that it names are in .env.example, or of an image, the AWS CLI or the client's programs", () => {
    const ofImages = matches(read("docker-compose.yml"), /^ {6}([A-Z_]+):/gm)
    const ofCli = ["ACCESS_KEY_ID", "DEFAULT_REGION", "PAGER", "PROFILE", "SECRET_ACCESS_KEY", "SESSION_TOKEN"].map(
      (name) => `AWS_${name}`,
    )
    const ofPrograms = ["CHAT_URL", "CHAT_TOKEN"]
    const known = new Set([...exampleVariables().map(([name]) => name), ...ofImages, ...ofCli, ...ofPrograms])
    const prefixes = "CHAT|MYSQL|REDIS|SQS|ELASTICSEARCH|PERSIST|INDEX|OUTBOX|AWS|SLS|LOG|LAMBDA|ADMIN|RATE|TRUSTED"
    const named = matches(text, new RegExp(`\\b((?:${prefixes})_[A-Z_]+|PORT|HOST)\\b`, "g"))
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

test("every decision is linked from the architecture", () => {
  const decisions = readdirSync(join(ROOT, "docs", "decisions"))
  const text = read("docs/architecture.md")
  expect(decisions.filter((file) => !text.includes(`](decisions/${file})`))).toEqual([])
})
