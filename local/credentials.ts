import { SQSClient } from "@aws-sdk/client-sqs"
import type { Config } from "../lib/config.ts"

/**
 * Puts the operator's credentials of AWS, which a profile or another source of the SDK has, into the environment, where
 * the client of SQS looks for them. Does nothing for an emulator, and if there are some already, or none. They are not
 * renewed: a command that takes longer than they last ends with an error of SQS.
 */
export async function loadCredentials({ SQS_ENDPOINT, AWS_REGION }: Config): Promise<void> {
  if (SQS_ENDPOINT !== undefined || process.env.AWS_ACCESS_KEY_ID) return
  const { config } = new SQSClient({ region: AWS_REGION })
  const found = await config.credentials().catch(() => undefined)
  if (found === undefined) return
  process.env.AWS_ACCESS_KEY_ID = found.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = found.secretAccessKey
  if (found.sessionToken !== undefined) process.env.AWS_SESSION_TOKEN = found.sessionToken
}
