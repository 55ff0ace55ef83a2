// Loaded before the API, by `node --import`: sends its traces to a collector, if the environment names one.
import { context, trace } from "@opentelemetry/api"

/** The last spans before a stop are lost, those of so long at most. */
const EXPORT_EACH_MS = 1_000

if (process.env.OTEL_EXPORTER_OTLP_ENDPOINT) {
  // Loaded only now, since it takes some tenths of a second.
  const [{ AsyncLocalStorageContextManager }, { OTLPTraceExporter }, resources, sdk] = await Promise.all([
    import("@opentelemetry/context-async-hooks"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/sdk-trace"),
  ])
  const { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } = sdk
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = resources
  const ratio = Number(process.env.OTEL_TRACES_SAMPLER_ARG ?? "1")
  const name = resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME ?? "chat-backend" })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager())
  trace.setGlobalTracerProvider(
    new TracerProvider({
      resource: defaultResource()
        .merge(name)
        .merge(detectResources({ detectors: [envDetector] })),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      // The exporter reads the endpoint, and the other variables of OTLP, by itself.
      spanProcessors: [
        new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: EXPORT_EACH_MS }),
      ],
    }),
  )
}
