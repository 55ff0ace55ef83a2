/*
 * DESIGN. The plugin by which `serverless offline` runs functions with `sqs` events. It extends serverless-offline-sqs:
 * its configuration (`custom.serverless-offline-sqs`, plus our own `gatherMs`), the way it finds events and queues, and
 * its calls through serverless-offline's Lambda stay. Polling (poller.ts) and stopping are replaced, because the
 * original deletes messages reported as failed, exits when the queue goes away, never opens the HTTP port when the
 * queue is away at the start, and drops running calls on SIGTERM. Options of `custom.serverless-offline` apply to SQS
 * functions too, except `noTimeout`: a call that never ends would hold its place for ever.
 *
 * Absent: `autoCreate`, and what poller.ts lists. A call that timed out fails its batch, but in process it cannot be
 * stopped and runs on beside the next. A handler that exits, or leaves a rejection unhandled, ends serverless too.
 */
import process from "node:process"
import { SQSClient } from "@aws-sdk/client-sqs"
// @ts-expect-error the package has no types: what is used of it is declared below
import StockPluginUntyped from "serverless-offline-sqs"
// @ts-expect-error as above
import SqsEventDefinitionUntyped from "serverless-offline-sqs/src/sqs-event-definition.js"
import { startPoller } from "./poller.ts"

// Hides the end-of-support notice of aws-sdk 2, which the original loads and nothing here uses. The notice is printed a
// tick after loading, so this is in time.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE ??= "1"

/** AWS's defaults: records in a batch, and batches processed in parallel at first. */
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
  /** How long a batch without a window gathers. AWS counts windows in seconds, which is long for a test. */
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

/** Must be listed in `plugins` before serverless-offline, whose start returns only at its end. */
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

  /** Does nothing: the original handles signals here and exits, but serverless-offline does too, and calls `end`. */
  ready(): void {}

  /** Waits for the running batches, within the poller's bound. Unlike the original it does not exit. */
  async end(): Promise<void> {
    await Promise.all(this.#pollers.map((poller) => poller.stop()))
    await this.lambda?.cleanup()
  }

  override _mergeOptions(): void {
    super._mergeOptions()
    const offlineOptions = this.serverless.service.custom?.["serverless-offline"]
    this.options = { ...offlineOptions, noTimeout: false, ...this.options } as Options
  }

  /** Starts to poll and returns at once, so that a queue that is away delays nothing. */
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
          // In one tick, since the function leaves its pool only when it runs.
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
      // An endpoint ignores the credentials, but without any the client would look for some for seconds.
      ...(endpoint ? { endpoint, credentials: { accessKeyId, secretAccessKey } } : {}),
      // The queue URL that an emulator returns may not be reachable from here; the endpoint is.
      useQueueUrlAsEndpoint: false,
      maxAttempts: 1,
    })
  }

  /** Waits for the batches under `serverless offline` (without `start`), which runs no `end` hook and exits. */
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

/** Writes straight to stderr, so that a queue that is away is seen at every log level of serverless. */
function log(line: string): void {
  process.stderr.write(`SQS event source: ${line}\n`)
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { SqsEventSourcePlugin as "module.exports" }
