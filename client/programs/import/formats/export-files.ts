// Tells the files of an export from those that only came with it.
import type { Item, SourceFile } from "../format.ts"
import { head } from "../reading.ts"

/** The names at the top of an export come before its messages; a long topic of a room may be among them. */
const HEAD_BYTES = 65_536

/** Returns the beginning of a JSON file, or "" if it has another name. */
export const jsonHead = async (file: SourceFile): Promise<string> =>
  /\.json$/iu.test(file.name) ? await head(file, HEAD_BYTES) : ""

export const fileLeftOut = (file: SourceFile): Item => ({
  kind: "left-out",
  what: "file",
  why: "files are not imported; the messages that came with them have their names",
  at: { file: file.name },
})
