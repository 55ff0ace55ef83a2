// The clients of AWS, pointed at the emulator.
import { readFileSync } from "node:fs"
import { ApiGatewayV2 } from "@aws-sdk/client-apigatewayv2"
import { CloudFormation } from "@aws-sdk/client-cloudformation"
import { CloudWatch } from "@aws-sdk/client-cloudwatch"
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs"
import { EventBridge } from "@aws-sdk/client-eventbridge"
import { IAM } from "@aws-sdk/client-iam"
import { Lambda } from "@aws-sdk/client-lambda"
import { S3 } from "@aws-sdk/client-s3"
import { SecretsManager } from "@aws-sdk/client-secrets-manager"
import { SNS } from "@aws-sdk/client-sns"
import { SQS } from "@aws-sdk/client-sqs"
import type { Emulator } from "./ministack.ts"

const REGION = "us-east-1"

/** The emulator takes this key for that of an account's root user. AWS has no such key. */
const ROOT_KEY = { accessKeyId: "test", secretAccessKey: "test" }

/** Returns the variables by which any client of AWS, such as serverless, calls the emulator as an operator. */
export const operatorEnvironment = ({ endpoint, certificate }: Emulator): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  NODE_EXTRA_CA_CERTS: certificate,
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: ROOT_KEY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: ROOT_KEY.secretAccessKey,
  AWS_EC2_METADATA_DISABLED: "true",
})

export type Aws = ReturnType<typeof connectAws>

/** Returns the operator's clients. */
export function connectAws({ endpoint, certificate }: Emulator) {
  const requestHandler = { httpsAgent: { ca: readFileSync(certificate) } }
  const options = { endpoint, region: REGION, credentials: ROOT_KEY, requestHandler }
  return {
    apiGateway: new ApiGatewayV2(options),
    cloudFormation: new CloudFormation(options),
    cloudWatch: new CloudWatch(options),
    eventBridge: new EventBridge(options),
    iam: new IAM(options),
    lambda: new Lambda(options),
    logs: new CloudWatchLogs(options),
    s3: new S3({ ...options, forcePathStyle: true }),
    secrets: new SecretsManager(options),
    sns: new SNS(options),
    sqs: new SQS(options),
  }
}
