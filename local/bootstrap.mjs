// Installs the dependencies, then runs a script with Node 24: plain JavaScript for Node 20, with Node's modules only.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { constants } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** How often to check whether npm is still there. */
const PARENT_POLL_MS = 500

const local = dirname(fileURLToPath(import.meta.url))
const root = dirname(local)
const node = join(root, "node_modules", ".bin", "node")

/** Returns the packages of a lock file; undefined when it is missing or truncated. */
function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages
  } catch {
    return undefined
  }
}

/**
 * Returns whether node_modules matches the lock file. npm writes node_modules/.package-lock.json last, so an
 * interrupted `npm ci` leaves none; optional packages for other platforms are not in it.
 */
function isInstalled() {
  const wanted = packagesOf(join(root, "package-lock.json"))
  const installed = packagesOf(join(root, "node_modules", ".package-lock.json"))
  if (!wanted || !installed || !existsSync(node)) return false
  const missing = Object.entries(wanted).some(
    ([path, entry]) =>
      path !== "" && !entry.optional && !entry.devOptional && installed[path]?.version !== entry.version,
  )
  return !missing && Object.entries(installed).every(([path, entry]) => wanted[path]?.version === entry.version)
}

function install() {
  console.log("Installing dependencies (npm ci) …")
  // `npm start` sets npm_execpath; otherwise npm comes from the PATH.
  const npm = process.env.npm_execpath
  const [command, ...first] = npm?.endsWith("js") ? [process.execPath, npm] : [npm ?? "npm"]
  // NODE_ENV=production must not leave out the development tools, which the launcher needs.
  const done = spawnSync(command, [...first, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: "inherit",
  })
  if (done.signal) process.exit(128 + constants.signals[done.signal])
  if (done.status === 0 && existsSync(node)) return
  console.error(
    done.status === 0
      ? "✗ Node 24: npm ci did not run the install script of the package node: allow install scripts (npm config get ignore-scripts) and try again."
      : "✗ Dependencies: npm ci failed. Fix the cause shown above (network, disk, write permission) and try again.",
  )
  process.exit(1)
}

/**
 * Runs local/<script> with the project's own Node 24 and exits with its exit code. Signals are forwarded; if this
 * process is killed, the script sees its IPC channel close and stops in order.
 */
export function bootstrap(script) {
  if (!isInstalled()) install()
  const child = spawn(node, [join(local, script), ...process.argv.slice(2)], {
    cwd: root,
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  })
  // A signal sent to npm alone ends its shell and would leave this process running.
  const parent = process.ppid
  const stopWithNpm = () => process.ppid !== parent && child.kill("SIGTERM")
  if (process.env.npm_lifecycle_event) setInterval(stopWithNpm, PARENT_POLL_MS).unref()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => {
    console.error(`✗ Node 24: ${error.message}. Run npm ci and try again.`)
    process.exit(1)
  })
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
}
