import { endpoint } from "../lib/http/endpoint.ts"
import { text } from "../lib/http/reply/replies.ts"
import { METRICS_TYPE, metricsText } from "../lib/operate/prometheus.ts"
import { getMetrics } from "../lib/operations/system.ts"
import { adminKeys } from "../lib/runtime.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

export const handler = endpoint(
  getMetrics,
  async () => text(METRICS_TYPE, await metricsText(await searchRuntime())),
  adminKeys,
)
