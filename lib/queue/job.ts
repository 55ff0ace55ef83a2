import middy from "@middy/core"
import { DependencyAway } from "../errors.ts"
import { describeError, log } from "../log.ts"
import { count, type JOB_OUTCOMES, METERS, shortName } from "../meters.ts"
import { inJobSpan } from "../trace.ts"

type JobOptions = {
  /** Returns what to log of the run. */
  run: () => Promise<Record<string, unknown>>
}

/** Returns a scheduled handler. A dependency that is away costs one log line: the next run does the rest. */
export function job({ run }: JobOptions) {
  return middy(async (_event: unknown, context: { functionName?: string }): Promise<void> => {
    const started = performance.now()
    const line = (details: Record<string, unknown>) => ({
      function: context.functionName,
      ...details,
      duration_ms: Math.round(performance.now() - started),
    })
    const ended = (outcome: (typeof JOB_OUTCOMES)[number]) =>
      count(METERS.jobs, { function: shortName(context.functionName), outcome })
    try {
      log.info("job", line(await inJobSpan(shortName(context.functionName), run)))
      ended("done")
    } catch (error) {
      const isAway = error instanceof DependencyAway
      ended(isAway ? "postponed" : "failed")
      if (!isAway) throw error
      log.warn("job postponed", line({ error: describeError(error) }))
    }
  })
}
