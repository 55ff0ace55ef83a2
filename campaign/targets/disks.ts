/** The small disks of a campaign's stores, and whether one of them is or was just full. */
import { chmod, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { stackFolder } from "../../local/services/settings.ts"
import { ballastIn, mountDisk, unmountBelow } from "./disk.ts"
import type { Disk } from "./target.ts"

/** A disk's size: room for a campaign's data and for the server's own files, small enough to be filled in a second. */
const DISK_BYTES = { redis: 768 * 1024 ** 2, mysql: 1024 ** 3, elasticsearch: 768 * 1024 ** 2 }
export const DISK_KINDS = ["redis", "mysql", "elasticsearch"] as const
/** Redis writes again and again to a disk that has just got room: an end within this is still the full disk's. */
const DISK_AFTERMATH_MS = 5_000

export type Disks = { disks: Disk[]; diskReason?: string; isFull(server: string): boolean }

/** Where a store's disk is mounted. */
const diskFolder = (kind: string): string => join(stackFolder("faults"), "disks", kind)

/** In a folder below, so that the ballast does not lie among a server's files. */
export const diskDataFolder = (kind: string): string => join(diskFolder(kind), "data")

/** Mounts the disks; none where one cannot be had. The folders for the data are there either way, for any user. */
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
    // The users of the servers in containers are not known here; the folder above is this project's own.
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
