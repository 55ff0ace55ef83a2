/** A small file system in memory for a store, which can be filled without filling the machine's own. */
import { readFileSync } from "node:fs"
import { type FileHandle, mkdir, open, rm, statfs } from "node:fs/promises"
import { join } from "node:path"
import { run } from "../../local/run.ts"

const BALLAST = "ballast"
/** Large pieces first, then pages into the space that is left. */
const PIECES_BYTES = [1_048_576, 4096]
/** Space that the store frees meanwhile is filled again this often. */
const TOP_UP_MS = 250
const MOUNT_LIMIT_MS = 5_000
/** Reserving a gigabyte of memory takes about a second. */
const RESERVE_LIMIT_MS = 10_000
/** Left free, because the reservation fails as a whole if the store takes space meanwhile. */
const RESERVE_LEFT_BYTES = 8 * 1_048_576

/** Mounts an empty file system of `bytes`. Throws if that is not permitted. */
export const mountDisk = async (folder: string, bytes: number): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=777`, "tmpfs", folder], { timeoutMs: MOUNT_LIMIT_MS })
}

/** Returns the mount points below a folder, deepest first, from a text by mountinfo(5). */
export const mountsBelow = (mountinfo: string, folder: string): string[] =>
  mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) => path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse()

/** Unmounts everything below a folder, including what a killed campaign has left. */
export const unmountBelow = async (folder: string): Promise<void> => {
  if (process.platform !== "linux") return
  for (const path of mountsBelow(readFileSync("/proc/self/mountinfo", "utf8"), folder))
    await run("umount", ["--lazy", path], { timeoutMs: MOUNT_LIMIT_MS })
}

/** Writes until the disk is full. */
const fillUp = async (file: FileHandle) => {
  for (const bytes of PIECES_BYTES) {
    const piece = Buffer.alloc(bytes, "x")
    try {
      for (;;) if ((await file.write(piece)).bytesWritten < bytes) break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
    }
  }
}

/** Reserves most of the free space at once, since writing it would take many seconds. A failure is ignored. */
const reserve = async (folder: string, path: string) => {
  const { bavail, bsize } = await statfs(folder)
  const bytes = bavail * bsize - RESERVE_LEFT_BYTES
  if (bytes > 0) await run("fallocate", ["-l", `${bytes}`, path], { timeoutMs: RESERVE_LIMIT_MS }).catch(() => "")
}

/** Returns how to fill the file system of a folder and keep it full, and how to free it again. */
export const ballastIn = (folder: string): { fill(): Promise<void>; free(): Promise<void>; isFull(): boolean } => {
  let stopped: AbortController | undefined
  let filling: Promise<void> = Promise.resolve()
  const keepFull = async (file: FileHandle, signal: AbortSignal) => {
    try {
      while (!signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, TOP_UP_MS))
        if (!signal.aborted) await fillUp(file)
      }
    } finally {
      await file.close()
    }
  }
  return {
    isFull: () => stopped !== undefined,
    async fill() {
      if (stopped) return
      stopped = new AbortController()
      await reserve(folder, join(folder, BALLAST))
      const file = await open(join(folder, BALLAST), "a")
      await fillUp(file)
      filling = keepFull(file, stopped.signal)
    },
    async free() {
      stopped?.abort()
      await filling
      await rm(join(folder, BALLAST), { force: true })
      stopped = undefined
    },
  }
}
