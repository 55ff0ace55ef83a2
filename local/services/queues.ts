import { QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { VISIBILITY_TIMEOUT_SECONDS } from "./settings.ts"

/** A running queue server answers a call within this. */
const CALL_LIMIT_MS = 5000
const ATTEMPTS = 3

/**
 * Creates missing queues on an existing server: dead-letter queues first, then the queues with their redrive policy.
 * A queue that exists keeps its attributes. Returns the variables with their URLs.
 */
export const ensureQueues = async (endpoint: string, env: NodeJS.ProcessEnv): Promise<Record<string, string>> => {
  const { SQSClient, CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand } = await import(
    "@aws-sdk/client-sqs"
  )
  const login = { accessKeyId: env.AWS_ACCESS_KEY_ID ?? "local", secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? "local" }
  const client = new SQSClient({
    endpoint,
    region: env.AWS_REGION ?? "us-east-1",
    credentials: { ...login, ...(env.AWS_SESSION_TOKEN && { sessionToken: env.AWS_SESSION_TOKEN }) },
    maxAttempts: ATTEMPTS,
  })
  const limit = () => ({ abortSignal: AbortSignal.timeout(CALL_LIMIT_MS) })
  const ensure = async (name: string, attributes: Record<string, string>) => {
    const found = await client.send(new GetQueueUrlCommand({ QueueName: name }), limit()).catch((error: Error) => {
      if (/NonExistentQueue|QueueDoesNotExist/.test(error.name)) return undefined
      throw error
    })
    const url =
      found?.QueueUrl ??
      (await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }), limit())).QueueUrl
    if (!url) throw new Error(`The queue server returned no URL for ${name}.`)
    return url
  }
  try {
    const urls: Record<string, string> = {}
    for (const { name, deadLetters: deadName, urlVariable, deadLettersUrlVariable } of Object.values(QUEUES)) {
      const deadLetters = await ensure(deadName, {})
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: deadLetters, AttributeNames: ["QueueArn"] }),
        limit(),
      )
      urls[deadLettersUrlVariable] = deadLetters
      urls[urlVariable] = await ensure(name, {
        VisibilityTimeout: `${VISIBILITY_TIMEOUT_SECONDS}`,
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: Attributes?.QueueArn,
          maxReceiveCount: RECEIVES_MAX,
        }),
      })
    }
    return urls
  } finally {
    client.destroy()
  }
}
