/** Mounts the small disks of a campaign's stores, and tells whether one of them is or was just full. */
import { chmod, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { stackFolder } from "../../local/services/settings.ts"
import { ballastIn, mountDisk, unmountBelow } from "./disk.ts"
import type { Disk } from "./target.ts"

/** Large enough for a campaign's data and the server's own files, small enough to be filled in a second. */
const DISK_BYTES = { redis: 768 * 1024 ** 2, mysql: 1024 ** 3, elasticsearch: 768 * 1024 ** 2 }
export const DISK_KINDS = ["redis", "mysql", "elasticsearch"] as const
/** Redis may still exit shortly after its disk has room again; within this the full disk explains it. */
const DISK_AFTERMATH_MS = 5_000

export type Disks = { disks: Disk[]; diskReason?: string; isFull(server: string): boolean }

/** Returns where a store's disk is mounted. */
const diskFolder = (kind: string): string => join(stackFolder("faults"), "disks", kind)

/** Returns the folder for a store's data: below its disk's root, which has the ballast. */
export const diskDataFolder = (kind: string): string => join(diskFolder(kind), "data")

/** Mounts the disks, or none if one fails. The data folders exist either way, writable by any user. */
export const mountDisks = async (): Promise<Disks> => {
  let diskReason: string | undefined
  try {
    if (process.getuid?.() !== 0) throw new Error("only root may mount file systems")
    for (const kind of DISK_KINDS) await mountDisk(diskFolder(kind), DISK_BYTES[kind])
  } catch (error) {
    await unmountBelow(stackFolder("faults"))
    diskReason = `no small disks: ${(error as Error).message}`
  }
  for (const kind of DISK_KINDS) {
    await mkdir(diskDataFolder(kind), { recursive: true })
    // Containers run servers as users that are not known here; the folder above belongs to this project.
    await chmod(diskDataFolder(kind), 0o777)
  }
  if (diskReason !== undefined) return { disks: [], diskReason, isFull: () => false }

  const fullUntil = new Map<string, number>()
  const disks = DISK_KINDS.map((kind): Disk => {
    const ballast = ballastIn(diskFolder(kind))
    return {
      kind,
      async fill() {
        fullUntil.set(kind, Number.POSITIVE_INFINITY)
        await ballast.fill()
      },
      async free() {
        await ballast.free()
        fullUntil.set(kind, performance.now() + DISK_AFTERMATH_MS)
      },
    }
  })
  return { disks, isFull: (server) => performance.now() < (fullUntil.get(server) ?? 0) }
}
