/**
 * DESIGN. The JVM's ahead-of-time cache of a server (https://openjdk.org/jeps/514): the classes that it loads, and where
 * its code is busy, recorded once in a run for that alone. With it Elasticsearch starts in 1.0 s instead of 2.7, and
 * ElasticMQ in 0.7 instead of 1.4. Promised: without a cache, or with one of another Java, which the JVM refuses, a
 * server starts as it would otherwise. Absent: a second try after a failure, since each takes some ten seconds.
 */
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { silentProgress } from "../progress.ts"
import { supervise } from "../supervisor.ts"
import type { Assembled } from "./assemble.ts"
import { freePorts, releasePorts } from "./free-ports.ts"
import { exercise, javaProgram } from "./java-servers.ts"
import { NATIVE_FOLDER } from "./settings.ts"

/** The first Java that writes it with one option (JEP 514). */
const JAVA_MIN = 25
/** Writing it takes five to ten seconds of one core. */
const WRITE_LIMIT_MS = 120_000

/** `version` is the major version of the Java, whose archives others do not read. */
export type Java = { java: string; version: number }

const archiveIn = (home: string, { version }: Java) => join(home, `classes-${version}.aot`)
/** Says why there is none. */
const failureIn = (home: string, java: Java) => `${archiveIn(home, java)}-failed`

/** Returns the JVM's arguments by which a server uses its archive, if it has one. */
export const archiveArgs = (home: string, java: Java): string[] =>
  // Java 25 warns of each piece of code in it that it makes anew.
  existsSync(archiveIn(home, java)) ? [`-XX:AOTCache=${archiveIn(home, java)}`, "-Xlog:aot*=error"] : []

export const lacksArchive = (home: string, java: Java): boolean =>
  java.version >= JAVA_MIN && !existsSync(archiveIn(home, java)) && !existsSync(failureIn(home, java))

/**
 * Starts a server in a folder of its own, uses it, and has it write its archive. Returns why there is none, if that
 * failed. Rejects only when it is stopped.
 */
export async function makeArchive(
  name: Assembled,
  home: string,
  java: Java,
  signal?: AbortSignal,
): Promise<string | undefined> {
  await mkdir(NATIVE_FOLDER, { recursive: true })
  const folder = await mkdtemp(join(NATIVE_FOLDER, `archiving-${name}-`))
  const ports = await freePorts(1)
  const written = join(folder, "classes.aot")
  try {
    const place = {
      java: java.java,
      home,
      tmp: join(folder, "tmp"),
      data: join(folder, "data"),
      port: ports[0] as number,
    }
    const program = await javaProgram(name, place, [`-XX:AOTCacheOutput=${written}`])
    const stopping = { ...program, stopLimitMs: WRITE_LIMIT_MS }
    const stop = { progress: silentProgress, ...(signal && { signal, hurry: signal }) }
    const server = await supervise(stopping, { folder, ...stop })
    try {
      await exercise[name](place)
    } finally {
      await server.stop()
    }
    if (!existsSync(written)) throw new Error("the JVM has written none")
    await rename(written, archiveIn(home, java))
    return undefined
  } catch (error) {
    if (signal?.aborted) throw error
    await writeFile(failureIn(home, java), `${error}\n`)
    return String(error)
  } finally {
    releasePorts(ports)
    await rm(folder, { recursive: true, force: true })
  }
}
