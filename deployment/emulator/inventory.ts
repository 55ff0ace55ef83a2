// Everything of the account that a deployment may create.
import { paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs"
import { paginateListFunctions } from "@aws-sdk/client-lambda"
import type { Aws } from "./clients.ts"

export type Inventory = Record<string, string[]>

const names = <T>(items: T[] | undefined, nameOf: (item: T) => string | undefined): string[] =>
  (items ?? []).map((item) => nameOf(item) ?? "").sort()

/** Lists one kind of resource by name or ARN. */
const KINDS: Record<string, (aws: Aws) => Promise<string[]>> = {
  functions: async ({ lambda }) => {
    const pages = await Array.fromAsync(paginateListFunctions({ client: lambda }, {}))
    return names(
      pages.flatMap(({ Functions = [] }) => Functions),
      (one) => one.FunctionName,
    )
  },
  "event source mappings": async ({ lambda }) =>
    names((await lambda.listEventSourceMappings({})).EventSourceMappings, (one) => one.EventSourceArn),
  "log groups": async ({ logs }) => {
    const pages = await Array.fromAsync(paginateDescribeLogGroups({ client: logs }, {}))
    return names(
      pages.flatMap(({ logGroups = [] }) => logGroups),
      (one) => one.logGroupName,
    )
  },
  buckets: async ({ s3 }) => names((await s3.listBuckets({})).Buckets, (one) => one.Name),
  queues: async ({ sqs }) => names((await sqs.listQueues({})).QueueUrls, (one) => one),
  roles: async ({ iam }) => names((await iam.listRoles({})).Roles, (one) => one.RoleName),
  rules: async ({ eventBridge }) => names((await eventBridge.listRules({})).Rules, (one) => one.Name),
  APIs: async ({ apiGateway }) => names((await apiGateway.getApis({})).Items, (one) => one.ApiId),
  alarms: async ({ cloudWatch }) => names((await cloudWatch.describeAlarms({})).MetricAlarms, (one) => one.AlarmName),
  topics: async ({ sns }) => names((await sns.listTopics({})).Topics, (one) => one.TopicArn),
  secrets: async ({ secrets }) => names((await secrets.listSecrets({})).SecretList, (one) => one.Name),
}

/** Returns the names of all resources, by kind. */
export async function inventoryOf(aws: Aws): Promise<Inventory> {
  const listed = Object.entries(KINDS).map(async ([kind, list]) => [kind, await list(aws)] as const)
  return Object.fromEntries(await Promise.all(listed))
}

/** Returns "kind: name" of what one inventory has and the other has not. */
export function onlyIn(one: Inventory, other: Inventory): string[] {
  return Object.entries(one).flatMap(([kind, list]) => {
    const there = new Set(other[kind])
    return list.filter((name) => !there.has(name)).map((name) => `${kind}: ${name}`)
  })
}
