/** Says in one line why the launcher cannot continue and what to do; `details`, the end of a log, are shown below. */
export class LaunchFailure extends Error {
  readonly details: readonly string[]

  constructor(message: string, details: readonly string[] = []) {
    super(message)
    this.name = "LaunchFailure"
    this.details = details
  }
}

/** Returns the lines to print for an error: those of a LaunchFailure, or the stack of a bug. */
export const failureLines = (error: unknown): string[] => {
  if (error instanceof LaunchFailure) return [`✗ ${error.message}`, ...error.details.map((line) => `  | ${line}`)]
  return [`✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
}
