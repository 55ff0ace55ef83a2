import { type FSWatcher, readdirSync, statSync, watch } from "node:fs"
import { join } from "node:path"

/** Editors write several files, and one several times, for what is one change. */
const SETTLE_MS = 250

const SOURCE = /^[^.].*(?<!\.test)\.ts$/
/** What the emulator's bundles are made of, with the folders below, and beside them its list of functions. */
const FOLDERS = ["functions", "lib"]
const FILE = "serverless.yml"

/** Returns the folder and those below it. */
const foldersOf = (root: string, folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    .concat(folder)

/**
 * Calls `onChange` with the changed files, once none has changed for a moment. Returns a function that ends it. Each
 * folder is watched by itself, since Node.js' recursive watch on Linux loses a file that was replaced
 * (findings/node-recursive-watch-loses-replaced-file.sh).
 */
export function watchSources(root: string, onChange: (files: string[]) => void): () => void {
  let since = Date.now()
  const changed = new Set<string>()
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    const files = [...changed]
    changed.clear()
    since = Date.now()
    onChange(files)
  }
  const note = (event: string, path: string) => {
    const status = statSync(join(root, path), { throwIfNoEntry: false })
    // A file that is read, or linked, is told as well.
    if (event === "change" && status !== undefined && status.mtimeMs < since) return
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(tell, SETTLE_MS)
  }
  const watchFolder = (folder: string, isWanted: (file: string) => boolean) => {
    const watcher = watch(join(root, folder), (event, file) => {
      if (file === null) return
      const path = join(folder, file)
      if (isWanted(file)) note(event, path)
      else if (folder !== "." && statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) watchBelow(path)
    })
    // A folder that is removed.
    watcher.on("error", () => watcher.close())
    watchers.get(folder)?.close()
    watchers.set(folder, watcher)
  }
  const watchBelow = (folder: string) => {
    for (const each of foldersOf(root, folder)) watchFolder(each, (file) => SOURCE.test(file))
  }
  for (const folder of FOLDERS) watchBelow(folder)
  watchFolder(".", (file) => file === FILE)
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
  }
}
