import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "@jest/globals"
import { eventually } from "../../test/steps/eventually.ts"
import { ballastIn, mountDisk, mountsBelow, unmountBelow } from "./disk.ts"

const DISK_BYTES = 4 * 1024 ** 2
const LIMIT_MS = 5_000
const mayMount = process.platform === "linux" && process.getuid?.() === 0

test("the mounts below a folder, when read, are those alone, the deepest first, with their true names", () => {
  const line = (path: string) => `36 35 98:0 / ${path} rw,noatime - tmpfs tmpfs rw`
  const text = ["/data", "/data/disks/my\\040disk", "/data/disks/my\\040disk/below", "/database/x"].map(line).join("\n")
  expect(mountsBelow(text, "/data")).toEqual(["/data/disks/my disk/below", "/data/disks/my disk"])
})

if (!mayMount) {
  test("a small disk, without the right to mount one, is refused with the reason", async () => {
    const folder = mkdtempSync(join(tmpdir(), "disk-"))
    await expect(mountDisk(folder, DISK_BYTES)).rejects.toThrow(/mount/)
    rmSync(folder, { recursive: true })
  })
} else {
  test("a small disk, when filled, takes nothing more, stays full, and has room again once freed", async () => {
    const parent = mkdtempSync(join(tmpdir(), "disk-"))
    const folder = join(parent, "small")
    try {
      await mountDisk(folder, DISK_BYTES)
      const ballast = ballastIn(folder)
      const store = join(folder, "store")
      writeFileSync(store, Buffer.alloc(DISK_BYTES / 4))
      await ballast.fill()
      const write = () => writeFileSync(join(folder, "more"), "more")
      expect(write).toThrow("ENOSPC")
      rmSync(store)
      rmSync(join(folder, "more"), { force: true })
      await eventually(async () => expect(statfsSync(folder).bavail).toBe(0), LIMIT_MS)
      await ballast.free()
      expect(write).not.toThrow()
    } finally {
      await unmountBelow(parent)
      expect(existsSync(join(folder, "more"))).toBe(false)
      rmSync(parent, { recursive: true, force: true })
    }
  })
}
