import { type FSWatcher, statSync, watch } from "node:fs"
import { join } from "node:path"

/** Editors write several files, and one several times, for what is one change. */
const SETTLE_MS = 250

type Watched = { folder: string; files: RegExp; recursive: boolean }

/** What the emulator's bundles are made of, and its list of functions. */
const SOURCES: readonly Watched[] = [
  { folder: "functions", files: /^[^.].*(?<!\.test)\.ts$/, recursive: true },
  { folder: "lib", files: /^[^.].*(?<!\.test)\.ts$/, recursive: true },
  { folder: ".", files: /^serverless\.yml$/, recursive: false },
]

/** Calls `onChange` with the changed files, once none has changed for a moment. Returns a function that ends it. */
export function watchSources(root: string, onChange: (files: string[]) => void): () => void {
  let since = Date.now()
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    const files = [...changed]
    changed.clear()
    since = Date.now()
    onChange(files)
  }
  const note = (folder: string, event: string, file: string) => {
    const path = join(folder, file)
    // A file that is read, or linked, is told as well.
    const modified = statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
    if (event === "change" && modified < since) return
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(tell, SETTLE_MS)
  }
  const watchers = SOURCES.map(
    ({ folder, files, recursive }): FSWatcher =>
      watch(join(root, folder), { recursive }, (event, file) => {
        if (file !== null && files.test(file)) note(folder, event, file)
      }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
