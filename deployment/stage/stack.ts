// What CloudFormation says of a deployed stage.
import { paginateListStackResources } from "@aws-sdk/client-cloudformation"
import type { Aws } from "../emulator/clients.ts"

/** The service's name in serverless.yml, with which the names of stacks and functions begin. */
const SERVICE = "chat-backend"

const stackName = (stage: string): string => `${SERVICE}-${stage}`
export const functionName = (stage: string, name: string): string => `${stackName(stage)}-${name}`

export type StackResource = { id: string; physicalId: string; type: string; status: string }

/** Returns the resources of a stage's stack. Throws if there is none. */
export async function resourcesOf({ cloudFormation }: Aws, stage: string): Promise<StackResource[]> {
  const pages = paginateListStackResources({ client: cloudFormation }, { StackName: stackName(stage) })
  const listed = await Array.fromAsync(pages)
  return listed
    .flatMap(({ StackResourceSummaries = [] }) => StackResourceSummaries)
    .map((one) => ({
      id: one.LogicalResourceId ?? "",
      physicalId: one.PhysicalResourceId ?? "",
      type: one.ResourceType ?? "",
      status: one.ResourceStatus ?? "",
    }))
}

/** Returns the names in AWS of the resources of a type, by their ids in the template. */
export const physicalIds = (resources: StackResource[], type: string): Record<string, string> =>
  Object.fromEntries(resources.filter((one) => one.type === type).map(({ id, physicalId }) => [id, physicalId]))

/** Returns the variables that a function of a stage is given. */
export async function variablesOf({ lambda }: Aws, stage: string, name: string): Promise<Record<string, string>> {
  const { Environment } = await lambda.getFunctionConfiguration({ FunctionName: functionName(stage, name) })
  return Environment?.Variables ?? {}
}
