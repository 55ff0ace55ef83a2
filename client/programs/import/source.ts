// Opens what is to be imported: a file, a folder or a zip. Nothing is ever unpacked onto the disk.
import { createReadStream } from "node:fs"
import { open, readdir, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import { PassThrough, type Readable } from "node:stream"
import { type Entry, openPromise, type ZipFile } from "yauzl"
import type { Source, SourceFile } from "./format.ts"
import { BadSource } from "./reading.ts"

/** The files of a source, whose names are kept in memory: ten years of days in 500 channels have less than twice that. */
const FILES_MAX = 1_000_000
/**
 * What a zip may unpack to, whatever its own size, and beyond that how many times its own size. Exports of chats shrink to
 * a twentieth or so; a zip bomb to a thousandth.
 */
const UNPACKED_ALWAYS = 1024 ** 3
const UNPACKED_TIMES_MAX = 200
/** What macOS puts into zips and folders beside what was asked for. */
const CLUTTER = /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|\._)/

export type OpenSource = Source & { close(): void }

const byName = (a: SourceFile, b: SourceFile): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** Opens a source. Throws a BadSource if it is damaged or absurdly large, or the system's error if it cannot be read. */
export async function openSource(path: string): Promise<OpenSource> {
  const found = await stat(path)
  if (found.isDirectory()) return sourceOf(await filesOfFolder(path))
  if (await isZip(path)) return await sourceOfZip(path, found.size)
  const file = { name: basename(path), bytes: found.size, open: () => createReadStream(path) }
  return sourceOf([file])
}

/** Returns a source of these files. If all of them are below one folder, it is left out of their names. */
function sourceOf(files: SourceFile[], close: () => void = () => undefined): OpenSource {
  const wanted = files.filter(({ name }) => !CLUTTER.test(name)).sort(byName)
  const root = wanted[0]?.name.match(/^[^/]+\//)?.[0]
  const named =
    root !== undefined && wanted.every(({ name }) => name.startsWith(root))
      ? wanted.map((file) => ({ ...file, name: file.name.slice(root.length) }))
      : wanted
  return {
    async *files() {
      yield* named
    },
    close,
  }
}

/** Lists a folder and those below it. Links are not followed, as they may lead anywhere. */
async function filesOfFolder(root: string): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const name = below === "" ? entry.name : `${below}/${entry.name}`
      const path = join(root, name)
      if (entry.isDirectory()) await walk(name)
      if (!entry.isFile()) continue
      files.push({ name, bytes: (await stat(path)).size, open: () => createReadStream(path) })
      checkCount(files.length, root)
    }
  }
  await walk("")
  return files
}

async function isZip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.equals(Buffer.from("PK\x03\x04")) || buffer.equals(Buffer.from("PK\x05\x06"))
  } finally {
    await file.close()
  }
}

async function sourceOfZip(path: string, bytes: number): Promise<OpenSource> {
  const damaged = (error: unknown): never => {
    throw new BadSource(`is not a zip that can be read: ${(error as Error).message}`, { file: basename(path) })
  }
  // yauzl refuses names that lead out of the zip, and entries that unpack to another size than they say.
  const zip = await openPromise(path, { autoClose: false }).catch(damaged)
  const unpackedMax = Math.max(UNPACKED_ALWAYS, bytes * UNPACKED_TIMES_MAX)
  let unpacked = 0
  const spend = (entry: Entry) => {
    unpacked += entry.uncompressedSize
    if (unpacked > unpackedMax)
      throw new BadSource(`the zip unpacks to over ${unpackedMax} bytes`, { file: entry.fileName })
  }
  const files = new Map<string, SourceFile>()
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith("/")) continue
      if (files.has(entry.fileName)) throw new BadSource("is in the zip twice", { file: entry.fileName })
      const file = { name: entry.fileName, bytes: entry.uncompressedSize }
      files.set(entry.fileName, { ...file, open: () => openEntry(zip, entry, spend) })
      checkCount(files.size, path)
    }
  } catch (error) {
    zip.close()
    if (error instanceof BadSource) throw error
    damaged(error)
  }
  return sourceOf([...files.values()], () => zip.close())
}

/** Returns the contents of an entry. What is wrong with it is an error of the stream. */
function openEntry(zip: ZipFile, entry: Entry, spend: (entry: Entry) => void): Readable {
  const contents = new PassThrough()
  const fail = (error: unknown) => {
    const known = error instanceof BadSource
    contents.destroy(known ? error : new BadSource((error as Error).message, { file: entry.fileName }))
  }
  try {
    spend(entry)
    const unpack = (packed: Readable) => {
      packed.once("error", fail).pipe(contents)
      contents.once("close", () => packed.destroy())
    }
    zip.openReadStreamPromise(entry).then(unpack, fail)
  } catch (error) {
    fail(error)
  }
  return contents
}

function checkCount(files: number, path: string): void {
  if (files > FILES_MAX) throw new BadSource(`has more than ${FILES_MAX} files`, { file: path })
}
