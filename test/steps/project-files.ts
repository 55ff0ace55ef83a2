// Reads the project's files for the tests of documents.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "../../local/services/settings.ts"

const GENERATED = new Set(["node_modules", ".git", ".data", ".esbuild", ".serverless", "coverage"])

/** Returns the text of a file of the project. */
export const read = (file: string): string => readFileSync(join(ROOT, file), "utf8")

/** Returns the first group of each match of `pattern`. */
export const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found ?? "")

/** Returns the path of every file and folder of the project that is not generated. */
export const projectPaths = (): string[] =>
  readdirSync(ROOT, { withFileTypes: true })
    .filter(({ name }) => !GENERATED.has(name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name]
      const below = readdirSync(join(ROOT, entry.name), { recursive: true })
      return [entry.name, ...below.map((path) => join(entry.name, String(path)))]
    })

/** Returns the variables of .env.example with their values. */
export const exampleVariables = (): [string, string][] =>
  [...read(".env.example").matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value])

/** Returns the text below a heading of the second level, up to the next one. */
export function sectionOf(document: string, heading: string): string {
  const [, below = ""] = read(document).split(`\n## ${heading}\n`)
  return below.split("\n## ")[0] ?? ""
}
