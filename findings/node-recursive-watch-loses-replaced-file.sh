#!/usr/bin/env bash
# Node.js' recursive watch on Linux tells of a file that is replaced (written beside it and renamed over it, as editors,
# sed -i and git do) the first time, and never again: neither of another replacement, nor of a change of the new file.
# A watch of the folder itself, without `recursive`, tells of each. So local/watch.ts watches each folder by itself.
# Seen on 2026-11-29 with Node.js 24.21.0, for three replacements and a change in place:
#   recursive: told, LOST, LOST, LOST
#   not recursive: told, told, told, told
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

script=$(cat <<'JS'
const { mkdtempSync, renameSync, rmSync, watch, writeFileSync } = require("node:fs")
const { join } = require("node:path")
const { setTimeout: sleep } = require("node:timers/promises")

async function told(recursive) {
  const folder = mkdtempSync(join(require("node:os").tmpdir(), "watch-"))
  const file = join(folder, "file")
  writeFileSync(file, "0")
  let events = 0
  const watcher = watch(folder, { recursive }, (_event, name) => name === "file" && events++)
  await sleep(300)
  const seen = []
  const after = async (act) => {
    events = 0
    act()
    await sleep(500)
    seen.push(events > 0 ? "told" : "LOST")
  }
  for (const round of [1, 2, 3])
    await after(() => {
      writeFileSync(join(folder, "beside"), `${round}`)
      renameSync(join(folder, "beside"), file)
    })
  await after(() => writeFileSync(file, "in place"))
  watcher.close()
  rmSync(folder, { recursive: true })
  return seen.join(", ")
}

const main = async () => {
  console.log(`recursive: ${await told(true)}`)
  console.log(`not recursive: ${await told(false)}`)
}
main()
JS
)
node=$(dirname "$0")/../node_modules/.bin/node
[ -x "$node" ] || node=node
"$node" -e "$script" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
recursive: told, LOST, LOST, LOST
not recursive: told, told, told, told
SEEN
