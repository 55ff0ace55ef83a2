// `npm run licences`: rewrites the tables of docs/licences.md from package-lock.json and the images.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "./services/settings.ts"

const DOCUMENT = join(ROOT, "docs", "licences.md")

/** Licences that only require their text to be kept, so that a deployment may be closed source. */
export const ALLOWED: readonly string[] = [
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "MIT-0",
]

/** The licence of the program in each image, kept here because an image states none that can be read offline. */
const IMAGE_LICENCES: Record<string, string> = {
  "docker.elastic.co/elasticsearch/elasticsearch": "Elastic-2.0",
  "docker.io/grafana/grafana": "AGPL-3.0-only",
  "docker.io/library/debian": "free software under many licences",
  "docker.io/library/mysql": "GPL-2.0-only",
  "docker.io/library/nginx": "BSD-2-Clause",
  "docker.io/library/node": "MIT",
  "docker.io/library/redis": "AGPL-3.0-only, RSALv2 or SSPL-1.0, at choice",
  "docker.io/prom/prometheus": "Apache-2.0",
  "docker.io/softwaremill/elasticmq-native": "Apache-2.0",
}

export type Package = { name: string; version: string; licence: string }
type LockEntry = { version?: string; license?: string; dev?: boolean; optional?: boolean; devOptional?: boolean }
type Lock = { packages: Record<string, LockEntry> }

export const readLock = (): Lock => JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock

/** Returns what `npm ci --omit=dev` installs, sorted by name, with the licence in the lock file, or "none". */
export function productionPackages({ packages }: Lock): Package[] {
  const found = Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== "" && dev !== true && devOptional !== true)
    .map(([path, { version = "", license = "none" }]): [string, Package] => {
      const name = path.replace(/^.*node_modules\//, "")
      return [`${name}@${version}`, { name, version, licence: license }]
    })
  return [...new Map(found).values()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}

/** Returns the packages whose licence is not allowed. "MIT OR GPL" is refused too: a person has to choose. */
export const refusedPackages = (packages: Package[]): Package[] =>
  packages.filter(({ licence }) => !ALLOWED.includes(licence))

/** Returns the images of the files of compose and the Dockerfile. Throws for one that IMAGE_LICENCES lacks. */
function images(): string[][] {
  const texts = ["docker-compose.yml", "docker-compose.metrics.yml", "Dockerfile"]
    .map((file) => readFileSync(join(ROOT, file), "utf8"))
    .join("\n")
  const named = [...texts.matchAll(/^(?:\s+image:|FROM) (\S+)/gm)].map(([, image = ""]) => image)
  return [...new Set(named)].sort().map((image) => {
    const licence = IMAGE_LICENCES[image.replace(/:[^:/]*$/, "")]
    if (licence === undefined) throw new Error(`local/licences.ts does not know the licence of ${image}`)
    return [`\`${image}\``, licence]
  })
}

function table(heads: string[], rows: string[][]): string {
  const widths = heads.map((_head, column) =>
    Math.max(...[heads, ...rows].map((row) => [...(row[column] ?? "")].length)),
  )
  const line = (cells: string[], fill = " ") =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`
  return [
    line(heads),
    line(
      heads.map(() => "-"),
      "-",
    ),
    ...rows.map((row) => line(row)),
  ].join("\n")
}

/** Returns `text` with the table between each pair of marks rewritten. Throws if a mark is missing. */
export function withTables(text: string): string {
  const packages = productionPackages(readLock()).map(({ name, version, licence }) => [`\`${name}\``, version, licence])
  const tables = {
    packages: table(["package", "version", "licence"], packages),
    images: table(["image", "licence"], images()),
  }
  return Object.entries(tables).reduce((written, [mark, made]) => {
    const place = new RegExp(`(<!-- ${mark} -->\n).*?(<!-- end -->)`, "s")
    if (!place.test(written)) throw new Error(`docs/licences.md lacks the marks <!-- ${mark} --> and <!-- end -->`)
    return written.replace(place, (_all, start: string, end: string) => `${start}\n${made}\n\n${end}`)
  }, text)
}

if (import.meta.main) writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, "utf8")))
