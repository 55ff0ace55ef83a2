/** One line on why the launcher cannot continue and what to do; `details` (the end of a log) are shown below it. */
export class LaunchFailure extends Error {
  readonly details: readonly string[]

  constructor(message: string, details: readonly string[] = []) {
    super(message)
    this.name = "LaunchFailure"
    this.details = details
  }
}

/** The lines to print for whatever was thrown: a LaunchFailure's own, or the stack of a mistake of ours. */
export const failureLines = (error: unknown): string[] => {
  if (error instanceof LaunchFailure) return [`✗ ${error.message}`, ...error.details.map((line) => `  | ${line}`)]
  return [`✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
}
