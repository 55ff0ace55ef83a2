/**
 * DESIGN. The relay reports how much waits to be stored and indexed, as metrics of CloudWatch: a line of its log in the
 * embedded metric format, which needs no call and no right. A minute costs 64 short scripts, scans of what the outbox
 * holds for at most a second, and some statements that count rows of two indexes. Nothing is reported outside AWS, nor of a store
 * that is away: the alarm of the outbox takes missing values as bad. No metric has a token, name or body.
 */
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics"
import { DependencyAway } from "../errors.ts"
import type { SearchStores } from "../stores.ts"
import { countDirty, outboxStatus, readIndexLag } from "./status.ts"
import { surveyOutbox } from "./survey.ts"

/** resources/alarms.yml and resources/dashboard.yml repeat it, and the names of the metrics. */
const NAMESPACE = "ChatBackend"
/** Bounds the search for the oldest event. A longer backlog has an age beyond the alarm's threshold anyway. */
const SURVEY_BUDGET_MS = 1_000

/** Reports for the stage that METRICS_STAGE names; without it, does nothing. Throws no DependencyAway. */
export async function reportBacklog(stores: SearchStores): Promise<void> {
  const stage = process.env.METRICS_STAGE
  if (!stage) return
  const metrics = new Metrics({ namespace: NAMESPACE })
  // An alarm must name every dimension of its metric, and Powertools would add the service as another one.
  metrics.clearDefaultDimensions()
  metrics.addDimension("stage", stage)
  await Promise.all([
    ignoreAway(() => addOutbox(metrics, stores)),
    ignoreAway(async () => {
      const { due, waiting, oldestAt } = await readIndexLag(stores)
      metrics.addMetric("SearchLag", MetricUnit.Seconds, ageSeconds(oldestAt))
      metrics.addMetric("IndexPending", MetricUnit.Count, due + waiting)
    }),
    ignoreAway(async () => {
      metrics.addMetric("CountersDirty", MetricUnit.Count, await countDirty(stores.mysql))
    }),
  ])
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics()
}

async function addOutbox(metrics: Metrics, stores: SearchStores): Promise<void> {
  const { events, bytes, dead, unsettled, fullest, oldestAt } = outboxStatus(
    stores,
    await surveyOutbox(stores, SURVEY_BUDGET_MS),
  )
  metrics.addMetric("OutboxEvents", MetricUnit.Count, events)
  metrics.addMetric("OutboxBytes", MetricUnit.Bytes, bytes)
  metrics.addMetric("OutboxDead", MetricUnit.Count, dead)
  metrics.addMetric("OutboxAge", MetricUnit.Seconds, ageSeconds(oldestAt))
  metrics.addMetric("OutboxFullest", MetricUnit.Percent, 100 * (fullest[0]?.share ?? 0))
  metrics.addMetric("ShardsUnsettled", MetricUnit.Count, unsettled.length)
}

/** Returns the seconds since then, and 0 for never: nothing waits. */
const ageSeconds = (time: Date | undefined): number => (time ? Math.max(0, (Date.now() - time.getTime()) / 1000) : 0)

async function ignoreAway(ask: () => Promise<void>): Promise<void> {
  try {
    await ask()
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
  }
}
