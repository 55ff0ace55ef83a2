/**
 * DESIGN. The stores of a deployed stage, for commands with `--stage`. The outputs of its CloudFormation stack name its
 * queues, and its secret has all else. Of the environment only what the AWS SDK reads for itself counts (credentials,
 * AWS_ENDPOINT_URL) and AWS_REGION, as for a deployment; `.env` and a running `npm start` do not, since a variable left
 * over from another stage must never lead a command to other stores than it names.
 */
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { type Config, readConfig } from "../lib/config.ts"
import { QUEUE_VARIABLES } from "../lib/queue/queues.ts"

/** The service in serverless.yml, whose stacks are named after it and the stage. */
const SERVICE = "chat-backend"
/** The region of a deployment without AWS_REGION, as in serverless.yml. */
const USUAL_REGION = "us-east-1"
/** The variables that a stage's secret must have. */
const SECRET_VARIABLES = ["MYSQL_URL", "REDIS_URL", "ELASTICSEARCH_URL", "ADMIN_API_KEY"]
/** A command should say soon that AWS cannot be reached. */
const AWS_TIMEOUTS = { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true }

type Values = Record<string, string>
type Stack = { name: string; status: string; outputs: Values }
type Secret = { name: string; values: Values }

/** Returns a stage's configuration. Throws an Error that says in one line what is missing, and where it was looked for. */
export async function readStage(stage: string): Promise<Config> {
  const region = process.env.AWS_REGION || USUAL_REGION
  const stack = await readStack(`${SERVICE}-${stage}`, region)
  const secret = await readSecret(stack.outputs.StoresSecret ?? `/chat/${stage}/stores`, region)
  return stageConfig(stage, region, stack, secret)
}

/** Returns the configuration that a stack and a secret make. Throws an Error that names each missing or wrong value. */
export function stageConfig(stage: string, region: string, stack: Stack, secret: Secret): Config {
  const queues = QUEUE_VARIABLES.map((variable) => [variable, stack.outputs[outputOf(variable)]] as const)
  const missing = [
    ...queues
      .filter(([, url]) => !url)
      .map(([name]) => `${name}: the stack ${stack.name} (${stack.status}) has no output ${outputOf(name)}`),
    ...SECRET_VARIABLES.filter((name) => !(name in secret.values)).map(
      (name) => `${name}: the secret ${secret.name} has no such key`,
    ),
  ]
  if (missing.length > 0) throw new Error(`The stage ${stage} is incomplete. ${missing.join("; ")}.`)
  const { SearchIndex } = stack.outputs
  const index = SearchIndex ? { ELASTICSEARCH_INDEX: SearchIndex } : {}
  try {
    return readConfig({ ...secret.values, ...Object.fromEntries(queues), ...index, AWS_REGION: region })
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    throw new Error(`${found}. These values are from the secret ${secret.name} and the stack ${stack.name}.`)
  }
}

/** Returns the name of the output with a variable's value: PERSIST_QUEUE_URL is PersistQueueUrl. */
const outputOf = (variable: string): string =>
  variable
    .split("_")
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join("")

async function readStack(name: string, region: string): Promise<Stack> {
  const client = new CloudFormationClient({ region, requestHandler: AWS_TIMEOUTS })
  const command = new DescribeStacksCommand({ StackName: name })
  const { Stacks = [] } = await client.send(command).catch((error: unknown) => {
    if (isNamed(error, "ValidationError")) throw new Error(`There is no stack ${name} in ${region} (AWS_REGION).`)
    throw awsFailure(`the stack ${name}`, region, error)
  })
  const [{ Outputs = [], StackStatus = "without a status" } = {}] = Stacks
  const outputs = Outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue] as const)
  return { name, status: StackStatus, outputs: Object.fromEntries(outputs) }
}

async function readSecret(name: string, region: string): Promise<Secret> {
  const client = new SecretsManagerClient({ region, requestHandler: AWS_TIMEOUTS })
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name })).catch((error: unknown) => {
    if (isNamed(error, "ResourceNotFoundException")) throw new Error(`There is no secret ${name} in ${region}.`)
    throw awsFailure(`the secret ${name}`, region, error)
  })
  return { name, values: secretValues(name, SecretString) }
}

function secretValues(name: string, text = ""): Values {
  try {
    const entries = Object.entries(JSON.parse(text) as object)
    return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))
  } catch {
    throw new Error(`The secret ${name} is no JSON object of variables.`)
  }
}

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name

type AwsError = Error & { code?: string; $metadata?: { httpStatusCode?: number } }

/** Returns an error that says in one line why AWS did not tell about `what`. */
function awsFailure(what: string, region: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(`AWS did not show ${what}: ${String(error)}`)
  const { name, message, code, $metadata } = error as AwsError
  if (name === "CredentialsProviderError" || name === "TokenProviderError")
    return new Error(
      `There are no AWS credentials to read ${what}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
    )
  if ($metadata?.httpStatusCode !== undefined) return new Error(`AWS refuses to show ${what}: ${name}: ${message}`)
  return new Error(`AWS cannot be reached in ${region} to read ${what}: ${code ?? name}`)
}
