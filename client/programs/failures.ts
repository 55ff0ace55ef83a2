// What the programs say of a failure, and the codes they exit with.
import { ChatError, UnauthorizedError } from "../src/errors.ts"

/** The exit codes: 1 is a failure or a bad source, 2 a wrong command line, 130 stopped by a signal, as shells have it. */
export const FAILED = 1
const WRONG_USAGE = 2
export const STOPPED = 130

/** The command line is wrong, as `message` says. */
export class Usage extends Error {}

/** Throws a Usage if the text is no address of an API. */
export function checkUrl(url: string): void {
  if (!(URL.canParse(url) && /^https?:/i.test(url)))
    throw new Usage("--url: must be an address such as http://localhost:3000")
}

/** What the system's errors mean; those that are not here have its own words. */
const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "may not be read or written by this user",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is below a file, not a folder",
  ENOSPC: "the disk is full",
}

/** Returns what a person needs to know of a failure. */
export function reasonOf(error: unknown): string {
  if (error instanceof UnauthorizedError)
    return `the API: ${error.message}. To create an application it wants its admin key: set ADMIN_API_KEY`
  if (error instanceof ChatError) return `the API: ${error.message}`
  if (!(error instanceof Error)) return String(error)
  const { code = "", path } = error as NodeJS.ErrnoException
  const known = Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined
  return known === undefined ? error.message : `${path === undefined ? "" : `${path}: `}${known}`
}

/** Says why a program failed, and returns the code to exit with. */
export function failed(program: string, error: unknown, reason: string): number {
  const isUsage = error instanceof Usage || String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS")
  console.error(`${program}: ${reason}${isUsage ? `\nSee ${program} --help` : ""}`)
  return isUsage ? WRONG_USAGE : FAILED
}
