/**
 * Assembles ElasticMQ and Elasticsearch from Maven's jars in `.data/native/<name>-<hash>`; the hash covers all inputs
 * from this repository. A folder is built under another name and renamed when it is complete, so an existing one is
 * always complete. Two runs at once may both do the work.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { zipSync } from "fflate"
import { LaunchFailure } from "../failure.ts"
import { run } from "../run.ts"
import type { Installation } from "./install.ts"
import { NATIVE_FOLDER, ROOT } from "./settings.ts"

const SOURCES = join(ROOT, "local", "native")
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
/** Of the classes compiled here: an archive of classes covers jars only (class-archive.ts). */
export const LAUNCHER = "launcher.jar"
const COMPILER = /^ecj-.*\.jar$/
/** A plugin's class and the module of the distribution that it replaces. */
const PLUGINS = [
  { name: "analysis-common", className: "chat.search.AnalysisPlugin" },
  { name: "rest-root", className: "chat.search.RootPlugin" },
]

export type Assembled = "elasticmq" | "elasticsearch"

const filesOf = (name: Assembled) =>
  readdirSync(SOURCES)
    .filter((file) => file === `${name}.pom.xml` || (name === "elasticsearch" && !file.endsWith(".pom.xml")))
    .sort()

/** Returns the folder of an assembled server, whether it exists or not. */
const assembledFolder = (name: Assembled): string => {
  const hash = createHash("sha256")
  if (name === "elasticsearch") hash.update(LAUNCHER)
  for (const file of filesOf(name)) hash.update(file).update(readFileSync(join(SOURCES, file)))
  return join(NATIVE_FOLDER, `${name}-${hash.digest("hex").slice(0, 12)}`)
}

/** Returns whether a server has been assembled from the current sources. */
export const isAssembled = (name: Assembled): boolean => existsSync(assembledFolder(name))

const fetchJars = (name: Assembled, target: string, { logFile, signal }: Installation) =>
  run(
    "mvn",
    [
      "-B",
      "-q",
      "-ntp",
      "-f",
      join(SOURCES, `${name}.pom.xml`),
      MAVEN_COPY,
      `-DoutputDirectory=${target}`,
      "-DincludeScope=runtime",
    ],
    { logFile, ...(signal && { signal }) },
  )

/** Writes the modules of Elasticsearch's home: its transport's descriptors, from the jar, and those of two plugins. */
const writeModules = async (
  folder: string,
  version: string,
  java: string,
  classPath: string,
  installation: Installation,
) => {
  const module = (name: string) => join(folder, "home", "modules", name, "plugin-descriptor.properties")
  for (const name of ["transport-netty4", ...PLUGINS.map((plugin) => plugin.name)]) {
    await mkdir(join(folder, "home", "modules", name), { recursive: true })
  }
  await mkdir(join(folder, "home", "config"), { recursive: true })
  const descriptor = (name: string, className: string) =>
    [
      `name=${name}`,
      `description=${name} of the chat backend's local search server`,
      `version=${version}`,
      `elasticsearch.version=${version}`,
      "java.version=21",
      `classname=${className}`,
      "deployment.target=ALL",
      "",
    ].join("\n")
  await writeFile(
    module("transport-netty4"),
    descriptor("transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin"),
  )
  for (const { name, className } of PLUGINS) await writeFile(module(name), descriptor(name, className))

  const sources = readdirSync(SOURCES).filter((file) => file.endsWith(".java"))
  const jars = await readdir(join(folder, "jars"))
  const compiler = join(folder, "jars", jars.find((jar) => COMPILER.test(jar)) ?? "")
  const args = ["-jar", compiler, "-proc:none", "-nowarn", "-21", "-cp", classPath, "-d", join(folder, "classes")]
  await run(java, [...args, ...sources.map((file) => join(SOURCES, file))], installation)
  await rm(compiler)
  const classes = readdirSync(join(folder, "classes"), { recursive: true, encoding: "utf8" })
  const files = classes.filter((path) => path.endsWith(".class")).sort()
  const entries = files.map((path) => [path, readFileSync(join(folder, "classes", path))] as const)
  await writeFile(join(folder, LAUNCHER), zipSync(Object.fromEntries(entries)))
  await rm(join(folder, "classes"), { recursive: true })
}

const build = async (name: Assembled, folder: string, java: string, installation: Installation) => {
  await fetchJars(name, join(folder, "jars"), installation)
  if (name === "elasticmq") return
  const jars = await readdir(join(folder, "jars"))
  const version = jars.map((jar) => /^elasticsearch-(\d+\.\d+\.\d+)\.jar$/.exec(jar)?.[1]).find(Boolean)
  if (!version) throw new LaunchFailure("Maven did not download Elasticsearch.")
  await writeModules(folder, version, java, jars.map((jar) => join(folder, "jars", jar)).join(":"), installation)
}

/**
 * Downloads and assembles a server unless that was done before. Returns its folder.
 * @throws LaunchFailure with the end of the log when the jars cannot be downloaded.
 */
export const assemble = async (name: Assembled, java: string, installation: Installation): Promise<string> => {
  const target = assembledFolder(name)
  if (existsSync(target)) return target
  await mkdir(NATIVE_FOLDER, { recursive: true })
  const building = await mkdtemp(join(NATIVE_FOLDER, `building-${name}-`))
  try {
    await build(name, building, java, installation)
    await rename(building, target).catch((error: unknown) => {
      // Another run was faster; its folder is the same.
      if (!existsSync(target)) throw error
    })
  } catch (error) {
    const details = error instanceof LaunchFailure ? error.details : []
    const log = installation.logFile
    throw new LaunchFailure(
      `${name} could not be downloaded and assembled (log: ${log}): check the network and Maven's settings, then try again.`,
      details,
    )
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return target
}
