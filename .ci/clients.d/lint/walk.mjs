// Fails if Redocly, whose exit code reports only errors, found an error or a warning: `node walk.mjs redocly.json`.
import { readFileSync } from "node:fs"

const { problems } = JSON.parse(readFileSync(process.argv[2], "utf8"))
const found = problems.filter(({ ignored }) => !ignored)
for (const { ruleId, severity, message, location } of found)
  console.log(`${severity} ${ruleId}: ${message} (${location[0]?.pointer})`)
process.exitCode = Math.sign(found.length)
