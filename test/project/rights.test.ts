// What the role of each function allows: no more than the function needs.
import { beforeAll, describe, expect, test } from "@jest/globals"
import { type Rights, rightsOf } from "../steps/rights.ts"
import { asDeployed, deployedWith, functionsOf, type Template, useTemplates } from "../steps/template.ts"

const { write } = useTemplates()
let written: Template
beforeAll(async () => {
  written = await write()
})

type Statement = { Effect: string; Action: string | string[]; Resource: unknown }
type Role = { ManagedPolicyArns: unknown[]; Policies?: { PolicyDocument: { Statement: Statement[] } }[] }

const SECRET = {
  "Fn::Sub": `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:\${StoresSecret}-??????`,
}

/** Returns the actions on queues that a role allows, by queue, and whether on the secret. Throws for any other right. */
function givenBy({ Policies = [] }: Role, secretArn: unknown): Rights {
  const rights: Rights = { queues: {}, secret: false }
  for (const { Effect, Action, Resource } of Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement))
    for (const resource of [Resource].flat()) {
      const [, queue = ""] = /^\{"Fn::GetAtt":\["(\w+)","Arn"\]\}$/.exec(JSON.stringify(resource)) ?? []
      for (const action of [Action].flat()) {
        const [, verb] = /^sqs:(\w+\*?)$/.exec(action) ?? []
        const isSecret =
          action === "secretsmanager:GetSecretValue" && JSON.stringify(resource) === JSON.stringify(secretArn)
        if (isSecret) rights.secret = true
        else if (Effect === "Allow" && queue !== "" && verb !== undefined)
          rights.queues[queue] = [...(rights.queues[queue] ?? []), verb].sort()
        else throw new Error(`a right to ${action} of ${JSON.stringify(resource)}`)
      }
    }
  return rights
}

/** Returns each function with its role and the names of its role's managed policies. */
function rolesIn(template: Template): [string, Role, string[]][] {
  return Object.entries(functionsOf(template)).map(([name, { Role: role }]) => {
    const properties = template.Resources[role["Fn::GetAtt"][0]]?.Properties as unknown as Role
    return [
      name,
      properties,
      properties.ManagedPolicyArns.map((arn) => /(\w+)"\}$/.exec(JSON.stringify(arn))?.[1] ?? ""),
    ]
  })
}

describe("the rights of each function", () => {
  test("are those to the queues that it uses, to the secret if it uses a store, and to write logs", () => {
    for (const [name, role, managed] of rolesIn(asDeployed(written))) {
      const { queues, secret } = rightsOf(name)
      const sorted = Object.fromEntries(Object.entries(queues).map(([queue, verbs]) => [queue, [...verbs].sort()]))
      expect([name, givenBy(role, SECRET)]).toEqual([name, { queues: sorted, secret }])
      expect([name, managed]).toEqual([name, ["AWSLambdaBasicExecutionRole"]])
    }
  })

  test("in a VPC: include network interfaces, unless it uses no store", () => {
    for (const [name, , managed] of rolesIn(deployedWith(written, { VpcId: "vpc-1" }))) {
      const policy = rightsOf(name).secret ? "AWSLambdaVPCAccessExecutionRole" : "AWSLambdaBasicExecutionRole"
      expect([name, managed]).toEqual([name, [policy]])
    }
  })

  test("when traced: include sending traces", () => {
    for (const [name, , managed] of rolesIn(deployedWith(written, { Tracing: "true" })))
      expect([name, managed]).toEqual([name, ["AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess"]])
  })

  test("with the whole ARN of a secret: are to that ARN", () => {
    const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stores-AbCdEf"
    const template = deployedWith(written, { StoresSecret: arn })
    for (const [name, role] of rolesIn(template)) {
      expect([name, givenBy(role, arn).secret]).toEqual([name, rightsOf(name).secret])
    }
    const { Variables } = functionsOf(template)["create-message"]?.Environment ?? {}
    expect(Variables?.STORES_SECRET).toBe(arn)
  })
})
