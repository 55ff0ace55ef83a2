// The sizes and words that CONTRIBUTING.md asks for. The lists of exceptions may get shorter, not longer.
import { globSync, readdirSync } from "node:fs"
import { describe, expect, test } from "@jest/globals"
import ts from "typescript"
import { ROOT } from "../../local/services/settings.ts"
import { read } from "../steps/project-files.ts"

const FUNCTION_LINES_MAX = 70
const FILE_LINES_MAX = 300
const FILES_MIN = 300

/** The lines of longer functions, by file and name. A migration is frozen; the others declare tests. */
const LONG_FUNCTIONS: Record<string, number> = {
  "migrations/20261120_000001_create_tables.ts: up": 93,
  "test/steps/admin-key-cases.ts: describeAdminKey": 85,
  "test/steps/http-manners.ts: describeManners": 207,
  "test/steps/idempotency-cases.ts: describeIdempotency": 91,
}

/** The lines of longer tests, whose set-up takes a minute and is shared by all that they say. */
const LONG_TESTS: Record<string, number> = {
  "test/e2e/verdict.test.ts": 398,
  "test/integration/verify.test.ts": 304,
}

/** What stands at the top, besides folders; a new file should have a place below. */
const TOP_FILES = [
  ...[".dependency-cruiser.cjs", ".dockerignore", ".env.example", ".gitignore", ".npmrc", "biome.json", "knip.json"],
  ...["jest.config.mjs", "package-lock.json", "package.json", "renovate.json", "tsconfig.json"],
  ...["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"],
  ...[
    "Dockerfile",
    "docker-compose.cluster.yml",
    "docker-compose.metrics.yml",
    "docker-compose.yml",
    "elasticmq.conf",
    "serverless.yml",
  ],
]
/** The files that git ignores, and its own in a linked working tree. */
const IGNORED = /^\.env$|\.log$|^\.git$/

/** Written by `npm run client:types`. */
const GENERATED = "client/src/api-types.ts"

const isTest = (path: string): boolean => path.endsWith(".test.ts")
const paths = globSync(
  "{bench,campaign,client/programs,client/src,deployment,functions,lib,local,migrations,test}/**/*.{ts,mjs}",
  {
    cwd: ROOT,
  },
)
  .filter((path) => path !== GENERATED)
  .sort()
const linesOf = (text: string): number => text.split("\n").length - 1

type Function = { name: string; lines: number }

/** Returns the outermost functions of a file; those within are shorter. */
function functionsOf(path: string): Function[] {
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true)
  const found: Function[] = []
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line
  const nameOf = (node: ts.Node): string => {
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return node.name?.getText() ?? ""
    return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : `line ${lineAt(node.getStart()) + 1}`
  }
  const visit = (node: ts.Node): void => {
    if (!ts.isFunctionLike(node) || !("body" in node) || !node.body) ts.forEachChild(node, visit)
    else found.push({ name: `${path}: ${nameOf(node)}`, lines: lineAt(node.end) - lineAt(node.getStart()) + 1 })
  }
  visit(source)
  return found
}

describe("every file", () => {
  test("at the top is one of the list", () => {
    const entries = readdirSync(ROOT, { withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !IGNORED.test(entry.name)).map(({ name }) => name)
    expect(files.sort()).toEqual(TOP_FILES.toSorted())
  })

  test("has at most 300 lines, those tests apart that are listed", () => {
    expect(paths.length).toBeGreaterThan(FILES_MIN)
    const long = paths.map((path) => [path, linesOf(read(path))] as const).filter(([, lines]) => lines > FILE_LINES_MAX)
    expect(Object.fromEntries(long)).toEqual(LONG_TESTS)
  })

  test("but a test has functions of at most 70 lines, those apart that are listed", () => {
    const functions = paths.filter((path) => !isTest(path)).flatMap(functionsOf)
    expect(functions.length).toBeGreaterThan(1_000)
    const long = functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX)
    expect(Object.fromEntries(long.map(({ name, lines }) => [name, lines]))).toEqual(LONG_FUNCTIONS)
  })
})

/** Names that are banned, and why. */
const BANNED: [RegExp, string][] = [
  [/\b(?:\w+[-_.])?(?:util|utils|helper|helpers|common|manager)\.ts$/, "a name that says nothing"],
  [/\/(?:utils?|helpers?|common|managers?)\//, "a folder that says nothing"],
]
const BANNED_IN_COMMENTS: [RegExp, string][] = [[/^\s*(?:\/\*\*|\*|\/\/) Answers\b/m, "Returns"]]

describe("the words", () => {
  test("of files and folders say what is in them", () => {
    const wrong = paths.flatMap((path) =>
      BANNED.filter(([pattern]) => pattern.test(path)).map(([, why]) => [path, why]),
    )
    expect(wrong).toEqual([])
  })

  test("of docstrings are those of the language", () => {
    const wrong = paths
      .filter((path) => path.startsWith("lib/") || path.startsWith("functions/"))
      .flatMap((path) =>
        BANNED_IN_COMMENTS.filter(([pattern]) => pattern.test(read(path))).map(([, better]) => [path, better]),
      )
    expect(wrong).toEqual([])
  })
})
