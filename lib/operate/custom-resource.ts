/**
 * DESIGN. The custom resource by which a deployment prepares the stores. CloudFormation calls the function when the
 * resource is created, changed or deleted, and waits for one JSON document at the event's ResponseURL. Promised: every
 * event is answered, whatever fails, before the function's time is over, so a failed preparation fails the deployment at
 * once and not when CloudFormation gives up. May happen twice: the preparation, without effect, if the answer cannot be
 * sent and Lambda calls the function again. Absent: any effect of a delete, since the data outlives the stack.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse, Context } from "aws-lambda"
import { withDeadline } from "../deadline.ts"
import { DependencyAway } from "../errors.ts"
import { describeError, log } from "../log.ts"
import { answeredError } from "../search/search-errors.ts"
import { isStoreAway, type Part, type PrepareOptions } from "./prepare-stores.ts"

/** The same in every answer: another one would make CloudFormation delete the resource as replaced. */
const PHYSICAL_ID = "prepared-stores"
/** An index that is not built by then is given up; removing it, and answering, take the rest. */
const STOP_BEFORE_END_MS = 60_000
/** The answer is sent by then, whatever still goes on. */
const ANSWER_BEFORE_END_MS = 20_000
/** Stores that are away may be about to return: a database that sleeps, a node that is replaced. */
const AWAY_MAX_MS = 120_000
const RETRY_MS = 2_000
/** The whole answer may have 4,096 bytes, of which its ids take up to 1,500. */
const REASON_MAX = 500
const PUT_TIMEOUT_MS = 5_000
const PUT_ATTEMPTS = 3

type Prepare = (options: PrepareOptions) => Promise<string[]>
type Outcome = Pick<CloudFormationCustomResourceResponse, "Status"> & { Reason: string }

/** The function's time is over. */
class OutOfTime extends Error {
  constructor() {
    super("there was not enough time")
    this.name = "OutOfTime"
  }
}

/** Returns the handler of a custom resource that calls `prepare` when it is created or changed. */
export function customResource(prepare: Prepare) {
  return async (event: CloudFormationCustomResourceEvent, context: Context): Promise<void> => {
    const outcome = event.RequestType === "Delete" ? KEPT : await outcomeOf(event, context, prepare)
    await answer(event, outcome)
  }
}

const KEPT: Outcome = { Status: "SUCCESS", Reason: "The stores keep their data." }

async function outcomeOf(
  { StackId }: CloudFormationCustomResourceEvent,
  context: Context,
  prepare: Prepare,
): Promise<Outcome> {
  const leftMs = context.getRemainingTimeInMillis()
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(new OutOfTime()), Math.max(0, leftMs - STOP_BEFORE_END_MS))
  let part: Part | undefined
  const options: PrepareOptions = {
    leaveNewer: true,
    signal: stop.signal,
    onPart: (begun) => {
      part = begun
    },
  }
  try {
    const work = untilThere(() => prepare(options), stop.signal)
    const done = await withDeadline(leftMs - ANSWER_BEFORE_END_MS, work, () => new OutOfTime())
    log.info("stores prepared", { function: context.functionName, done })
    return { Status: "SUCCESS", Reason: "The stores are prepared." }
  } catch (thrown) {
    // A wait that is cut short throws an error of its own.
    const error = (thrown as Partial<Error> | undefined)?.name === "AbortError" ? new OutOfTime() : thrown
    log.error("the stores could not be prepared", { part, error: describeError(error) })
    const reason = `${failureOf(part, error, StackId)} The log of ${context.functionName} has more.`
    return { Status: "FAILED", Reason: reason.slice(0, REASON_MAX) }
  } finally {
    clearTimeout(timer)
  }
}

/** Prepares again for as long as a store is away and there is time. */
async function untilThere(prepare: () => Promise<string[]>, signal: AbortSignal): Promise<string[]> {
  const deadline = performance.now() + AWAY_MAX_MS
  for (;;) {
    try {
      return await prepare()
    } catch (error) {
      if (!isStoreAway(error) || performance.now() > deadline) throw error
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) throw error
    }
  }
}

/** What drivers' errors do not say. */
const STORES: Record<Part, string> = { tables: "MySQL", index: "Elasticsearch", shards: "Redis" }

/** The commands that do the same without a limit of time. */
const COMMANDS: Partial<Record<Part, string>> = { tables: "db:migrate --", index: "ops -- reindex" }

function failureOf(part: Part | undefined, error: unknown, stackId: string): string {
  const what = part === undefined ? "The stores" : `The ${part} (${STORES[part]})`
  const command = error instanceof OutOfTime && part !== undefined ? COMMANDS[part] : undefined
  if (command === undefined) return `${what} could not be prepared: ${reasonOf(error)}.`
  const [, stage = "…"] = /:stack\/chat-backend-([^/]+)\//.exec(stackId) ?? []
  return `${what} could not be prepared: ${reasonOf(error)}. Run "npm run ${command} --stage ${stage}" and deploy again.`
}

/** Errors whose text is our own or kysely's and names only variables or migrations. */
const SAFE_TEXT = /^(Wrong configuration|corrupted migrations)/

/** How Redis begins what it refuses, such as WRONGPASS. */
const REDIS_CODE = /^(?:WRONGPASS|NOAUTH|NOPERM|LOADING|MISCONF|READONLY|CLUSTERDOWN|MASTERDOWN)\b/

/** Returns why, without the text of the stores' errors, which may quote statements and data. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unexpected error"
  if (error instanceof DependencyAway) return `${error.message} (${reasonOf(error.cause)})`
  if (error instanceof OutOfTime || SAFE_TEXT.test(error.message)) return error.message.replace(/\.$/, "")
  const answered = answeredError(error)
  if (answered) return `${answered.status} ${answered.type}`.trim()
  if ("code" in error) return String(error.code)
  return REDIS_CODE.exec(error.message)?.[0] ?? error.name
}

/** Sends the answer. Throws if it cannot be sent, so that Lambda calls the function again. */
async function answer(event: CloudFormationCustomResourceEvent, outcome: Outcome): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event
  const document = { ...outcome, PhysicalResourceId: PHYSICAL_ID, StackId, RequestId, LogicalResourceId }
  for (let attempt = 1; ; attempt++) {
    try {
      const signal = AbortSignal.timeout(PUT_TIMEOUT_MS)
      // The presigned URL is for a body without a type.
      const headers = { "content-type": "" }
      const { ok, status } = await fetch(event.ResponseURL, {
        method: "PUT",
        headers,
        body: Buffer.from(JSON.stringify(document)),
        signal,
      })
      if (ok) return
      throw new Error(`status ${status}`)
    } catch (error) {
      log.warn("CloudFormation was not answered", { attempt, error: describeError(error) })
      if (attempt === PUT_ATTEMPTS) throw error
    }
  }
}
