// Measures the first call of a fresh process: importing a function's bundle, as deployed, and calling it once.
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { ROUTES } from "../../lib/operations/routes.ts"
import { ROOT } from "../../local/services/settings.ts"
import { gatewayEvent, invocation } from "../../test/steps/gateway-event.ts"
import { copyProject } from "../../test/steps/project-copy.ts"
import { unzip } from "../../test/steps/unzip.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { ask, chatOf, createChats, creationIn } from "../stack/load.ts"

const CREATION_MS_MAX = 150
const ANY_MS_MAX = 400
const CALL_LIMIT_MS = 30_000
const QUIET_LIMIT_MS = 60_000
const run = promisify(execFile)

/** Runs in the fresh process. */
const SCRIPT = `
const [bundle, event, context] = process.argv.slice(1)
const started = performance.now()
const { handler } = require(bundle)
const imported = performance.now()
handler(JSON.parse(event), JSON.parse(context)).then((answer) => {
  console.log(JSON.stringify({ importMs: imported - started, callMs: performance.now() - imported, statusCode: answer?.statusCode ?? 200 }))
  process.exit(0)
})
`

type Target = { name: string; bundle: string }

/** Packs the functions as for the cloud and unpacks them into `folder`, outside of any node_modules. */
async function unpackBundles(folder: string): Promise<Target[]> {
  const project = await copyProject()
  try {
    await run(process.execPath, [join(ROOT, "node_modules", ".bin", "serverless"), "package", "--stage", "bench"], {
      cwd: project.folder,
      env: { ...process.env, SLS_NOTIFICATIONS_MODE: "off", SLS_TELEMETRY_DISABLED: "1" },
    })
    const out = join(project.folder, ".serverless")
    const targets: Target[] = []
    for (const zip of (await readdir(out)).filter((file) => file.endsWith(".zip"))) {
      const name = zip.replace(".zip", "")
      for (const [path, content] of unzip(await readFile(join(out, zip)))) {
        const file = join(folder, name, path)
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, content)
      }
      targets.push({ name, bundle: join(folder, name, "functions", `${name}.js`) })
    }
    return targets
  } finally {
    await project.remove()
  }
}

/** Each function's event: a request of its kind about existing resources, or nothing. */
function eventsFor(chatPath: string): (name: string) => object {
  const { application: token, chat } = chatOf(chatPath)
  return (name) => {
    const route = ROUTES.find((one) => one.function === name)
    if (route === undefined)
      return name.endsWith("unknown-route") ? gatewayEvent({ path: "/nowhere" }) : { Records: [] }
    const last = route.path.endsWith("{number}") && route.path.includes("messages") ? "1" : `${chat}`
    const pathParameters = { token, chat_number: `${chat}`, number: last }
    const path = route.path.replace(/\{(\w+)\}/g, (_, key: keyof typeof pathParameters) => pathParameters[key])
    const [method = "GET"] = route.methods
    return gatewayEvent({
      method,
      path,
      pathParameters,
      ...(method === "GET"
        ? { queryString: path.endsWith("search") ? "query=quick" : "" }
        : { body: bodyFor(name), headers: { "content-type": "application/json" } }),
    })
  }
}

const bodyFor = (name: string): string =>
  JSON.stringify(name.endsWith("message") ? { body: "bench" } : { name: "bench" })

export const cold: Bench = {
  name: "cold",
  about: "each function as deployed, in a fresh process: importing its bundle, and its first call",
  async run({ stack, rounds, say }: BenchRun) {
    const folder = await mkdtemp(join(tmpdir(), "chat-backend-bundles-"))
    const figures: Figure[] = []
    try {
      const targets = await unpackBundles(folder)
      // Deletes come last, since their resources are then gone for the others.
      const rank = ({ name }: Target) => ["delete-message", "delete-chat", "delete-application"].indexOf(name)
      targets.sort((a, b) => rank(a) - rank(b))
      for (let round = 0; round < rounds; round++) {
        const [chat = ""] = await createChats(stack.apiUrl, 1)
        await ask(stack.apiUrl, [creationIn(chat)], { connections: 1, amount: 10 })
        await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
        const eventFor = eventsFor(chat)
        for (const { name, bundle } of targets) {
          const { stdout } = await run(
            process.execPath,
            ["-e", SCRIPT, bundle, JSON.stringify(eventFor(name)), JSON.stringify(invocation)],
            { env: { ...process.env, ...stack.env, LOG_LEVEL: "ERROR" }, timeout: CALL_LIMIT_MS },
          )
          const { importMs, callMs, statusCode } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "{}")
          figures.push({ name, importMs, callMs, coldMs: importMs + callMs, status: String(statusCode) })
        }
        say(`round ${round + 1} of ${rounds}`)
      }
      const bounds = targets.map(({ name }): Bound => {
        return { of: "coldMs", name, max: name.startsWith("create-") ? CREATION_MS_MAX : ANY_MS_MAX }
      })
      const plot = plotMedians(figures, {
        file: "cold",
        title: "A function in a new process, as deployed",
        unit: "milliseconds",
        series: { importMs: "importing its bundle", callMs: "its first call" },
      })
      return { figures, bounds, plots: [plot] }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
