// Copies the project, because serverless empties its build folder at every start, even while another process uses it.
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { QUEUES } from "../../lib/queue/queues.ts"
import { ROOT, stackFolder } from "../../local/services/settings.ts"

/** The folder of what end-to-end tests start; `npm test` clears it. */
export const E2E_FOLDER = join(stackFolder("test"), "e2e")

const FOLDERS = ["functions", "lib", "local", "migrations", "resources", "stages"]
const PARTS = [...FOLDERS, "package.json", "tsconfig.json", "serverless.yml"]

export type ProjectCopy = { folder: string; remove(): Promise<void> }

/** Copies what serverless reads into a new folder in `parent`. `queueSuffix` gives the copy its own queues. */
export async function copyProject({ queueSuffix = "", parent = E2E_FOLDER } = {}): Promise<ProjectCopy> {
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, "project-"))
  await Promise.all(PARTS.map((part) => cp(join(ROOT, part), join(folder, part), { recursive: true })))
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
  for (const { name } of Object.values(QUEUES)) {
    const file = join(folder, "resources", `${name}.yml`)
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(/(QueueName: ".*?)"/g, `$1${queueSuffix}"`))
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
