// A function for each role of a stage, deployed beside it: it tries each call with the role's rights. Not of the product.
import { SecretsManager } from "@aws-sdk/client-secrets-manager"
import { SQS } from "@aws-sdk/client-sqs"

/** What to try: queues by URL and secrets by name. */
export type ProbeEvent = { queues: string[]; secrets: string[] }
/** The calls that were not refused, by queue and secret. */
export type Probed = { queues: Record<string, string[]>; secrets: string[] }

/** An envelope without events, which a consumer takes as done. */
const EMPTY_ENVELOPE = "[]"

const sqs = new SQS()
const secretsManager = new SecretsManager()

/** Returns whether a call was permitted, even if it failed for another reason. */
async function isPermitted(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return true
  } catch (error) {
    if (error instanceof Error && /AccessDenied/.test(error.name)) return false
    // Deleting by a receipt handle that the queue did not give fails after the check of rights.
    if (error instanceof Error && /ReceiptHandleIsInvalid/.test(error.name)) return true
    throw error
  }
}

const QUEUE_CALLS: Record<string, (QueueUrl: string) => Promise<unknown>> = {
  DeleteMessage: (QueueUrl) => sqs.deleteMessage({ QueueUrl, ReceiptHandle: "of-no-message" }),
  GetQueueAttributes: (QueueUrl) => sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] }),
  PurgeQueue: (QueueUrl) => sqs.purgeQueue({ QueueUrl }),
  ReceiveMessage: (QueueUrl) => sqs.receiveMessage({ QueueUrl, VisibilityTimeout: 0 }),
  SendMessage: (QueueUrl) => sqs.sendMessage({ QueueUrl, MessageBody: EMPTY_ENVELOPE }),
  SetQueueAttributes: (QueueUrl) => sqs.setQueueAttributes({ QueueUrl, Attributes: { VisibilityTimeout: "60" } }),
}

export async function handler({ queues, secrets }: ProbeEvent): Promise<Probed> {
  const probed: Probed = { queues: {}, secrets: [] }
  for (const url of queues)
    for (const [name, call] of Object.entries(QUEUE_CALLS))
      if (await isPermitted(() => call(url))) probed.queues[url] = [...(probed.queues[url] ?? []), name]
  for (const SecretId of secrets)
    if (await isPermitted(() => secretsManager.getSecretValue({ SecretId }))) probed.secrets.push(SecretId)
  return probed
}
