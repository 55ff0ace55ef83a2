import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Migration } from "kysely/migration"

/**
 * Returns the migrations by name, as the folder has them. A bundle has no folder, so
 * local/bundle/bundled-migrations.cjs replaces this module by one that holds them.
 */
export async function readMigrations(): Promise<Record<string, Migration>> {
  const folder = join(import.meta.dirname, "..", "..", "migrations")
  const files = (await readdir(folder)).filter((file) => file.endsWith(".ts")).sort()
  const modules = files.map(
    async (file): Promise<[string, Migration]> => [
      file.replace(/\.ts$/, ""),
      (await import(pathToFileURL(join(folder, file)).href)) as Migration,
    ],
  )
  return Object.fromEntries(await Promise.all(modules))
}
