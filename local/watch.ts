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
  const changed = new Set<string>()
  /** What tells each file's state from another; a file that is copied here may keep a time before the start. */
  const states = new Map<string, string>()
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  /** What a new folder has when it is seen first is new, too. */
  let isWatching = false
  const tell = () => {
    const files = [...changed]
    changed.clear()
    onChange(files)
  }
  const stateOf = (path: string): string => {
    const { mtimeMs, ino, size } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {}
    return `${mtimeMs} ${ino} ${size}`
  }
  const note = (path: string) => {
    const before = states.get(path)
    states.set(path, stateOf(path))
    // A file that is read, or linked, is told as well.
    if (states.get(path) === before) return
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(tell, SETTLE_MS)
  }
  const watchFolder = (folder: string, isWanted: (file: string) => boolean) => {
    for (const file of readdirSync(join(root, folder)).filter(isWanted)) {
      const path = join(folder, file)
      if (isWatching) note(path)
      else states.set(path, stateOf(path))
    }
    const watcher = watch(join(root, folder), (_event, file) => {
      if (file === null) return
      const path = join(folder, file)
      if (isWanted(file)) note(path)
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
  isWatching = true
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
  }
}
