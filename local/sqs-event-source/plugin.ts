/*
 * DESIGN: the plugin by which `serverless offline` runs functions with `sqs` events. It extends serverless-offline-sqs
 * and keeps its configuration (`custom.serverless-offline-sqs`: endpoint, region, accountId, accessKeyId,
 * secretAccessKey; and one of our own, `gatherMs`), its way to find the events and queues, and its way to call functions through serverless-offline's
 * own Lambda. What it puts in place of the original is the polling (poller.ts) and the stop, since the original
 * deletes messages reported as failed, ends the process when the queue goes away, never opens the HTTP port when it
 * is away at the start, and drops calls under way on SIGTERM. Options of `custom.serverless-offline` (`useInProcess`,
 * …) apply to SQS functions too, but for `noTimeout`: a call that never ends would hold its place for good.
 *
 * Not done: `autoCreate`, and what poller.ts names. A call that timed out is a failed batch, but in process nothing can
 * end it: it runs on beside the next. A handler that ends its process, or rejects unheard, ends serverless too.
 */
import process from "node:process"
import { SQSClient } from "@aws-sdk/client-sqs"
// @ts-expect-error the package has no types: what is used of it is declared below
import StockPluginUntyped from "serverless-offline-sqs"
// @ts-expect-error as above
import SqsEventDefinitionUntyped from "serverless-offline-sqs/src/sqs-event-definition.js"
import { startPoller } from "./poller.ts"

// The original loads aws-sdk 2, which is not used here, so neither is its notice of end of support of use. It is
// written a tick after loading, hence not yet.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE ??= "1"

/** AWS's own defaults: records in a batch, and the number of batches it starts to process side by side. */
const BATCH_SIZE = 10
const CONCURRENCY_MAX = 5

type Mapping = {
  enabled?: boolean
  batchSize?: number
  maximumBatchingWindow?: number
  maximumConcurrency?: number
  scalingConfig?: { maximumConcurrency?: number }
  functionResponseType?: string
  functionResponseTypes?: string[]
  filterPatterns?: unknown
}
type SqsEvent = { functionKey: string; sqs: string | Mapping }
type OfflinePlugin = { end: (skipExit?: boolean) => Promise<void> }
type Serverless = {
  service: { custom?: Record<string, Record<string, unknown> | undefined> }
  pluginManager: { plugins: (object & Partial<OfflinePlugin>)[] }
}
type Options = {
  region: string
  accountId: string
  endpoint?: string
  accessKeyId?: string
  secretAccessKey?: string
  /** How long a batch without a window of its own gathers. AWS counts windows in seconds, which is long for a test. */
  gatherMs?: number
}
type LambdaFunction = { setEvent: (event: unknown) => void; runHandler: () => Promise<unknown> }
type StockPlugin = {
  serverless: Serverless
  options: Options
  lambda: { get: (functionKey: string) => LambdaFunction; cleanup: () => Promise<void> } | null
  start(): Promise<void>
  _mergeOptions(): void
}
const StockPlugin = StockPluginUntyped as new (serverless: Serverless, cliOptions: object) => StockPlugin
const SqsEventDefinition = SqsEventDefinitionUntyped as new (
  sqs: SqsEvent["sqs"],
  region: string,
  accountId: string,
) => { arn: string; queueName: string | undefined }

/** To be listed in `plugins` before serverless-offline, whose start does not return before its end. */
export class SqsEventSourcePlugin extends StockPlugin {
  #pollers: ReturnType<typeof startPoller>[] = []

  constructor(serverless: Serverless, cliOptions: object) {
    super(serverless, cliOptions)
    if (offlinePlugin(serverless)) throw new Error("plugins: list the SQS event source before serverless-offline")
  }

  override async start(): Promise<void> {
    await super.start()
    this.#letBatchesFinishBeforeExit()
  }

  /** The original listens for signals here, and exits; serverless-offline listens too, and has `end` called. */
  ready(): void {}

  /** Waits, within the poller's bound, for the batches under way. Unlike the original it does not exit. */
  async end(): Promise<void> {
    await Promise.all(this.#pollers.map((poller) => poller.stop()))
    await this.lambda?.cleanup()
  }

  override _mergeOptions(): void {
    super._mergeOptions()
    const offlineOptions = this.serverless.service.custom?.["serverless-offline"]
    this.options = { ...offlineOptions, noTimeout: false, ...this.options } as Options
  }

  /** Starts to poll and returns at once, so that a queue that is away holds up nothing. */
  async _createSqs(events: SqsEvent[]): Promise<void> {
    for (const event of events) this.#startPoller(event)
  }

  #startPoller({ functionKey, sqs }: SqsEvent): void {
    const { region, accountId } = this.options
    const { arn, queueName } = new SqsEventDefinition(sqs, region, accountId)
    if (!queueName || queueName === "undefined") throw new Error(`${functionKey}: its sqs event names no queue`)
    const mapping: Mapping = typeof sqs === "string" ? {} : sqs
    if (mapping.enabled === false) return
    if (mapping.filterPatterns) log(`${functionKey}: filterPatterns are not emulated, all messages are delivered`)
    const responseTypes = [mapping.functionResponseType, ...(mapping.functionResponseTypes ?? [])]
    this.#pollers.push(
      startPoller({
        client: this.#client(),
        queueName,
        arn,
        region,
        batchSize: mapping.batchSize ?? BATCH_SIZE,
        windowS: mapping.maximumBatchingWindow || (this.options.gatherMs ?? 0) / 1000,
        concurrencyMax: mapping.maximumConcurrency ?? mapping.scalingConfig?.maximumConcurrency ?? CONCURRENCY_MAX,
        reportBatchItemFailures: responseTypes.includes("ReportBatchItemFailures"),
        invoke: async (event) => {
          // In one tick, for the function is taken from its pool only when it runs.
          const lambdaFunction = this.lambda?.get(functionKey)
          lambdaFunction?.setEvent(event)
          return await lambdaFunction?.runHandler()
        },
        log,
      }),
    )
  }

  #client(): SQSClient {
    const { region, endpoint, accessKeyId = "local", secretAccessKey = "local" } = this.options
    return new SQSClient({
      region,
      // With an endpoint the credentials are for show, but without any the client would look for some for seconds.
      ...(endpoint ? { endpoint, credentials: { accessKeyId, secretAccessKey } } : {}),
      // The URL that an emulator gives of its queue may not be reachable from here; the endpoint is.
      useQueueUrlAsEndpoint: false,
      maxAttempts: 1,
    })
  }

  /** Under `serverless offline` (without `start`) no `end` hook is run: serverless-offline ends itself, and exits. */
  #letBatchesFinishBeforeExit(): void {
    const offline = offlinePlugin(this.serverless)
    if (!offline) return
    const end = offline.end.bind(offline)
    offline.end = async (skipExit) => {
      await Promise.all([end(true), this.end()])
      if (!skipExit) process.exit(0)
    }
  }
}

function offlinePlugin(serverless: Serverless): OfflinePlugin | undefined {
  return serverless.pluginManager.plugins.find(
    (plugin): plugin is OfflinePlugin => plugin.constructor.name === "ServerlessOffline",
  )
}

/** Straight to stderr: that a queue is away is to be seen at every log level of serverless. */
function log(line: string): void {
  process.stderr.write(`SQS event source: ${line}\n`)
}

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { SqsEventSourcePlugin as "module.exports" }
