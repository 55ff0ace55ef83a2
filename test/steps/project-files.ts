// What the tests of the documents look things up with.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "../../local/services/settings.ts"

const GENERATED = new Set(["node_modules", ".git", ".data", ".esbuild", ".serverless", "coverage"])

/** The text of a file of the project. */
export const read = (file: string): string => readFileSync(join(ROOT, file), "utf8")

/** What the first group of `pattern` holds at each of its matches. */
export const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found ?? "")

/** The path of every file and folder of the project that is not generated. */
export const projectPaths = (): string[] =>
  readdirSync(ROOT, { withFileTypes: true })
    .filter(({ name }) => !GENERATED.has(name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name]
      const below = readdirSync(join(ROOT, entry.name), { recursive: true })
      return [entry.name, ...below.map((path) => join(entry.name, String(path)))]
    })

/** The variables of .env.example, with the values that stand there. */
export const exampleVariables = (): [string, string][] =>
  [...read(".env.example").matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value])

/** The text below a heading of the second level, up to the next one. */
export function sectionOf(document: string, heading: string): string {
  const [, below = ""] = read(document).split(`\n## ${heading}\n`)
  return below.split("\n## ")[0] ?? ""
}
