// Functions as deployed: packed for the cloud, unpacked, and called in a fresh process.
import { execFile } from "node:child_process"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { ROUTES } from "../../lib/operations/routes.ts"
import { gatewayEvent, invocation } from "../../test/steps/gateway-event.ts"
import { copyProject } from "../../test/steps/project-copy.ts"
import { unzip } from "../../test/steps/unzip.ts"
import { chatOf, percentile } from "./load.ts"

const CALL_LIMIT_MS = 120_000
const KB_PER_MB = 1_024
/** The function that answers 404. */
const UNKNOWN_ROUTE = "unknown-route"
const run = promisify(execFile)

/** A function's name, the path of its bundle, and the bytes of the zip that it was in. */
export type Bundle = { name: string; path: string; zipBytes: number }

/** Packs the functions of the project in `projectFolder` and unpacks them into `folder`, outside of any node_modules. */
export async function unpackBundles(projectFolder: string, folder: string): Promise<Bundle[]> {
  const serverless = join(projectFolder, "node_modules", ".bin", "serverless")
  await run(process.execPath, [serverless, "package", "--stage", "bench"], {
    cwd: projectFolder,
    env: { ...process.env, SLS_NOTIFICATIONS_MODE: "off", SLS_TELEMETRY_DISABLED: "1" },
  })
  const out = join(projectFolder, ".serverless")
  const bundles: Bundle[] = []
  for (const zip of (await readdir(out)).filter((file) => file.endsWith(".zip"))) {
    const name = zip.replace(".zip", "")
    const archive = await readFile(join(out, zip))
    for (const [path, content] of unzip(archive)) {
      const file = join(folder, name, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    }
    bundles.push({ name, path: join(folder, name, "functions", `${name}.js`), zipBytes: archive.length })
  }
  // Deletes come last, since their resources are then gone for the others.
  const rank = ({ name }: Bundle) => ["delete-message", "delete-chat", "delete-application"].indexOf(name)
  return bundles.sort((a, b) => rank(a) - rank(b))
}

/** Packs and unpacks the functions of this working tree. */
export async function unpackOwnBundles(folder: string): Promise<Bundle[]> {
  const project = await copyProject()
  try {
    const bundles = await unpackBundles(project.folder, folder)
    // A deployment calls it, and no request waits for it.
    return bundles.filter(({ name }) => name !== "prepare-stores")
  } finally {
    await project.remove()
  }
}

/** Runs in the fresh process. */
const FIRST_CALL = `
const [bundle, event, context] = process.argv.slice(1)
const started = performance.now()
const { handler } = require(bundle)
const imported = performance.now()
handler(JSON.parse(event), JSON.parse(context)).then((answer) => {
  console.log(JSON.stringify({ importMs: imported - started, callMs: performance.now() - imported, statusCode: answer?.statusCode ?? 200 }))
  process.exit(0)
})
`

/** Runs in the fresh process: calls of which some go on at a time, after others to warm up. */
const MANY_CALLS = `
const [bundle, event, context, calls, atATime] = process.argv.slice(1)
const { handler } = require(bundle)
const call = async () => {
  const { statusCode } = await handler(JSON.parse(event), JSON.parse(context))
  if (statusCode !== 201) throw new Error("the handler answered " + statusCode)
}
const cost = async () => {
  const [cpu, started] = [process.cpuUsage(), performance.now()]
  let left = Number(calls)
  const work = async () => { while (left-- > 0) await call() }
  await Promise.all(Array.from({ length: Number(atATime) }, work))
  const { user, system } = process.cpuUsage(cpu)
  return { cpuMicroseconds: (user + system) / Number(calls), wallMicroseconds: ((performance.now() - started) * 1000) / Number(calls) }
}
cost().then(cost).then((figures) => {
  console.log(JSON.stringify(figures))
  process.exit(0)
})
`

/** Runs in the fresh process, which first joins the control group: the first call with the import, then the others. */
const CALLS_IN_TURN = `
const { readFileSync, writeFileSync } = require("node:fs")
const [bundle, eventsFile, context, processes] = process.argv.slice(1)
const events = JSON.parse(readFileSync(eventsFile, "utf8"))
writeFileSync(processes, String(process.pid))
const started = performance.now()
const { handler } = require(bundle)
const call = async (event) => {
  const { statusCode = 200, batchItemFailures = [] } = await handler(event, JSON.parse(context))
  if (statusCode >= 300 || batchItemFailures.length > 0) throw new Error("the handler answered " + statusCode)
}
const work = async () => {
  const times = []
  for (const event of events) {
    const before = times.length === 0 ? started : performance.now()
    await call(event)
    times.push(performance.now() - before)
  }
  console.log(JSON.stringify({ times, residentKB: process.resourceUsage().maxRSS }))
  process.exit(0)
}
work()
`

/** Runs a script with these arguments in a fresh process, and reads the JSON of its last line. */
async function inFreshProcess<Result>(script: string, args: string[], env: Record<string, string>): Promise<Result> {
  const options = { env: { ...process.env, ...env, LOG_LEVEL: "ERROR" }, timeout: CALL_LIMIT_MS }
  const { stdout } = await run(process.execPath, ["-e", script, ...args], options)
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "{}")
}

export type FirstCall = { importMs: number; callMs: number; statusCode: number }

/** Imports a bundle and calls it once. Times are in milliseconds. Throws if the answer is an error. */
export async function firstCall({ name, path }: Bundle, event: object, env: Record<string, string>) {
  const args = [path, JSON.stringify(event), JSON.stringify(invocation)]
  const call = await inFreshProcess<FirstCall>(FIRST_CALL, args, env)
  if (call.statusCode >= 400 && !name.endsWith(UNKNOWN_ROUTE)) throw new Error(`${name} answered ${call.statusCode}`)
  return call
}

export type CallCost = { cpuMicroseconds: number; wallMicroseconds: number }

/** Calls a bundle that creates, `calls` times to warm up and then as often again. Returns the cost of one call. */
export const manyCalls = (
  bundle: Bundle,
  event: object,
  env: Record<string, string>,
  { calls, atATime }: { calls: number; atATime: number },
) =>
  inFreshProcess<CallCost>(
    MANY_CALLS,
    [bundle.path, JSON.stringify(event), JSON.stringify(invocation), `${calls}`, `${atATime}`],
    env,
  )

export type Calls = { firstMs: number; medianMs: number; p99Ms: number; residentMB: number }

/** Calls a bundle with one event after the other, in a process that joins the control group of the file `processes`. */
export async function callsInTurn(bundle: Bundle, events: object[], env: Record<string, string>, processes: string) {
  const eventsFile = join(dirname(bundle.path), "events.json")
  await writeFile(eventsFile, JSON.stringify(events))
  const args = [bundle.path, eventsFile, JSON.stringify(invocation), processes]
  const answer = await inFreshProcess<{ times: number[]; residentKB: number }>(CALLS_IN_TURN, args, env)
  const [firstMs = Number.NaN, ...others] = answer.times
  const sorted = others.toSorted((a, b) => a - b)
  const figures = { medianMs: percentile(sorted, 50), p99Ms: percentile(sorted, 99) }
  return { firstMs, ...figures, residentMB: answer.residentKB / KB_PER_MB } satisfies Calls
}

/** Returns each function's event by its name: a request of its kind about existing resources, or nothing. */
export function eventsFor(chatPath: string): (name: string) => object {
  const { application: token, chat } = chatOf(chatPath)
  return (name) => {
    const route = ROUTES.find((one) => one.function === name)
    if (route === undefined) return name.endsWith(UNKNOWN_ROUTE) ? gatewayEvent({ path: "/nowhere" }) : { Records: [] }
    const last = route.path.endsWith("{number}") && route.path.includes("messages") ? "1" : `${chat}`
    const pathParameters = { token, chat_number: `${chat}`, number: last, code: "not_found" }
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

function bodyFor(name: string): string {
  if (name.startsWith("search-")) return JSON.stringify({ query: "quick" })
  if (name.endsWith("-batch")) return JSON.stringify({ messages: [{ body: "bench" }] })
  return JSON.stringify(name.endsWith("message") ? { body: "bench" } : { name: "bench" })
}
