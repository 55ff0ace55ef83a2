// The CloudFormation template of a stage without a file of its own, packaged without network and credentials.
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "@jest/globals"
import { REJECTED_ROUTES, ROUTES } from "../../lib/operations/routes.ts"
import { QUEUE_VARIABLES, QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { SECRETS } from "../../local/deployment.ts"
import { ROOT } from "../../local/services/settings.ts"
import { asDeployed, functionsOf, type LambdaFunction, ofType, type Template, useTemplates } from "../steps/template.ts"

/** AWS recommends six times the function's time-out for a queue's visibility timeout. */
const VISIBILITY_PER_TIMEOUT = 6
/** AWS counts up to 60 of them, and each is a value that can be read once it is resolved. */
const DYNAMIC_REFERENCE = "{{resolve:"

type Queue = {
  QueueName: string
  VisibilityTimeout: number
  SqsManagedSseEnabled: boolean
  RedrivePolicy?: { deadLetterTargetArn: unknown; maxReceiveCount: number }
}
type Mapping = {
  EventSourceArn: { "Fn::GetAtt": [string, string] }
  FunctionName: { "Fn::GetAtt": [string, string] }
  FunctionResponseTypes: string[]
}

const { write } = useTemplates()
let written: Template
let template: Template
beforeAll(async () => {
  written = await write()
  template = asDeployed(written)
})

function functionOf(id = ""): LambdaFunction {
  const resource = template.Resources[id]
  if (resource?.Type !== "AWS::Lambda::Function") throw new Error(`${id} is no function of the template`)
  return resource.Properties as LambdaFunction
}
const handlerOf = (id?: string): string => functionOf(id).Handler
const queueIds = () => ofType(template, "AWS::SQS::Queue").map(([id]) => id)

describe("the functions", () => {
  test("are those of the files in functions/, each with a role of the template", async () => {
    const files = (await readdir(join(ROOT, "functions"))).filter((file) => !file.endsWith(".test.ts"))
    const functions = functionsOf(template)
    expect(Object.keys(functions).sort()).toEqual(files.map((file) => file.replace(".ts", "")).sort())
    for (const { Role } of Object.values(functions))
      expect(template.Resources[Role["Fn::GetAtt"][0]]).toMatchObject({ Type: "AWS::IAM::Role" })
  })

  test("are changed after the stores are prepared, which is after there is a way to them", () => {
    const prepare = "PrepareDashstoresLambdaFunction"
    for (const [id] of ofType(template, "AWS::Lambda::Function"))
      if (id !== prepare)
        expect([id, template.Resources[id]?.DependsOn]).toEqual([id, expect.arrayContaining(["PrepareStores"])])
    const endpoints = Object.entries(written.Resources).filter(([, { Type }]) => Type === "AWS::EC2::VPCEndpoint")
    const { Properties } = written.Resources.PrepareStores ?? {}
    const referred = [...JSON.stringify(Properties).matchAll(/"Ref":"(\w+Endpoint)"/g)].map(([, id]) => id)
    expect(referred.sort()).toEqual(endpoints.map(([id]) => id).sort())
    // A change of either calls it again.
    expect(Properties).toMatchObject({
      StoresSecret: { Ref: "StoresSecret" },
      Work: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })

  test("that use a store are given the secret's ARN and all settings, and the others only where the API is", () => {
    const rest = { PUBLIC_URL: "", CORS_ORIGINS: "" }
    const queues = Object.fromEntries(QUEUE_VARIABLES.map((variable) => [variable, { Ref: expect.any(String) }]))
    const whole = {
      ...rest,
      ...queues,
      STORES_SECRET: {
        "Fn::Sub": `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:\${StoresSecret}`,
      },
      ELASTICSEARCH_INDEX: "chat-dev-messages",
      RATE_LIMIT_APPLICATION: "6000",
      OUTBOX_EVENTS_MAX: "200000",
      OUTBOX_BYTES_MAX: "67108864",
      RATE_LIMIT_ADDRESS: "1200",
    }
    expect(template.Parameters.StoresSecret?.Default).toBe("/chat/dev/stores")
    const plain = ["get-docs", "get-health", "get-openapi", "get-problem", "reject-unknown-route"]
    for (const [name, { Environment }] of Object.entries(functionsOf(template))) {
      const wanted = name === "relay-outbox" ? { ...whole, METRICS_STAGE: "dev" } : plain.includes(name) ? rest : whole
      expect([name, Environment.Variables]).toEqual([name, wanted])
    }
  })

  test("and all else in the template: hold no secret and no reference that would become one", () => {
    const text = JSON.stringify(written)
    expect(text).not.toContain(DYNAMIC_REFERENCE)
    for (const secret of SECRETS) expect(text).not.toContain(`"${secret}"`)
    expect(text).not.toMatch(/mysql:\/\/|rediss?:\/\/|127\.0\.0\.1:|localhost|AKIA/)
  })

  test("report partial failures of batches, and the two schedules run each minute", () => {
    const mappings = ofType<Mapping>(template, "AWS::Lambda::EventSourceMapping")
    expect(mappings).toHaveLength(Object.keys(QUEUES).length)
    for (const [, mapping] of mappings) expect(mapping.FunctionResponseTypes).toEqual(["ReportBatchItemFailures"])
    type Rule = { ScheduleExpression: string; Targets: { Arn: { "Fn::GetAtt": string[] } }[] }
    const rules = ofType<Rule>(template, "AWS::Events::Rule")
    const targets = rules.map(([, { Targets }]) => handlerOf(Targets[0]?.Arn["Fn::GetAtt"][0]))
    expect(targets.sort()).toEqual(["functions/relay-outbox.handler", "functions/sync-counts.handler"])
    for (const [, { ScheduleExpression }] of rules) expect(ScheduleExpression).toBe("rate(1 minute)")
  })
})

describe("the queues", () => {
  test("are those of the table with the stage in their names, with dead letters after RECEIVES_MAX receives, and time for retries", async () => {
    const queues = ofType<Queue>(template, "AWS::SQS::Queue")
    const sources = queues.filter(([, { RedrivePolicy }]) => RedrivePolicy)
    const named = (of: "name" | "deadLetters") => Object.values(QUEUES).map((queue) => `chat-backend-dev-${queue[of]}`)
    const namesOf = (all: [string, Queue][]) => all.map(([, { QueueName }]) => QueueName).sort()
    expect(namesOf(queues)).toEqual([...named("name"), ...named("deadLetters")].sort())
    expect(namesOf(sources)).toEqual(named("name").sort())
    for (const [id, { RedrivePolicy, VisibilityTimeout }] of sources) {
      const deadLetters = { "Fn::GetAtt": [id.replace(/Queue$/, "DeadLetterQueue"), "Arn"] }
      expect(RedrivePolicy).toEqual({ deadLetterTargetArn: deadLetters, maxReceiveCount: RECEIVES_MAX })
      const [consumer] = ofType<Mapping>(template, "AWS::Lambda::EventSourceMapping")
        .filter(([, { EventSourceArn }]) => EventSourceArn["Fn::GetAtt"][0] === id)
        .map(([, { FunctionName }]) => FunctionName["Fn::GetAtt"][0])
      expect(VisibilityTimeout).toBeGreaterThanOrEqual(VISIBILITY_PER_TIMEOUT * functionOf(consumer).Timeout)
    }
    const local = await readFile(join(ROOT, "elasticmq.conf"), "utf8")
    const counts = [...local.matchAll(/maxReceiveCount = (\d+)/g)].map(([, count]) => Number(count))
    expect(counts).toEqual(sources.map(() => RECEIVES_MAX))
  })

  test("are encrypted, and refuse whoever comes without TLS", () => {
    for (const [id, { SqsManagedSseEnabled }] of ofType<Queue>(template, "AWS::SQS::Queue"))
      expect([id, SqsManagedSseEnabled]).toEqual([id, true])
    type Policy = { Queues: { Ref: string }[]; PolicyDocument: { Statement: unknown[] } }
    const policies = ofType<Policy>(template, "AWS::SQS::QueuePolicy").map(([, properties]) => properties)
    expect(policies.flatMap(({ Queues }) => Queues.map(({ Ref }) => Ref)).sort()).toEqual(queueIds().sort())
    const overTls = { "aws:SecureTransport": "false" }
    for (const { PolicyDocument } of policies)
      expect(PolicyDocument.Statement).toMatchObject([
        { Effect: "Deny", Principal: "*", Action: "sqs:*", Resource: "*", Condition: { Bool: overTls } },
      ])
  })
})

describe("the HTTP API", () => {
  test("has the routes of lib/operations/routes.ts, and a last one for all else", () => {
    const integrations = new Map(ofType<{ IntegrationUri: object }>(template, "AWS::ApiGatewayV2::Integration"))
    const routes = ofType<{ RouteKey: string; Target: unknown }>(written, "AWS::ApiGatewayV2::Route").map(
      ([, { RouteKey, Target }]) => {
        const [, id = ""] = /"Ref":"(\w+)"/.exec(JSON.stringify(Target)) ?? []
        const [, lambda] = /\["(\w+LambdaFunction)","Arn"\]/.exec(JSON.stringify(integrations.get(id))) ?? []
        return `${RouteKey} ${handlerOf(lambda)}`
      },
    )
    const ours = [...ROUTES, ...REJECTED_ROUTES].flatMap(({ methods, path, function: name }) =>
      methods.map((method) => `${method} ${path} functions/${name}.handler`),
    )
    expect(routes.sort()).toEqual([...ours, "$default functions/reject-unknown-route.handler"].sort())
  })

  test("logs each request as JSON, without a path, whose token it would have, and without an address", () => {
    type Stage = { AccessLogSettings: { Format: string } }
    const [stage] = ofType<Stage>(template, "AWS::ApiGatewayV2::Stage").map(([, properties]) => properties)
    const format: Record<string, string> = JSON.parse(stage?.AccessLogSettings.Format ?? "")
    expect(format).toMatchObject({ route: "$context.routeKey", status: "$context.status" })
    // Each of them is documented to have neither.
    const harmless =
      /^\$context\.(requestId|requestTime|routeKey|status|response(Latency|Length)|integration(Latency|ErrorMessage)|integration\.requestId|error\.responseType)$/
    for (const variable of Object.values(format)) expect(variable).toMatch(harmless)
  })

  test("takes 1,000 requests a second, and 500 at once", () => {
    const [stage] = ofType(template, "AWS::ApiGatewayV2::Stage").map(([, properties]) => properties)
    const limits = { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 500 }
    expect(stage?.DefaultRouteSettings).toEqual({ DetailedMetricsEnabled: false, ...limits })
  })
})

test("the bucket of the deployment: is private and encrypted, and refuses whoever comes without TLS", () => {
  const [bucket] = ofType(template, "AWS::S3::Bucket").map(([, properties]) => properties)
  expect(bucket?.PublicAccessBlockConfiguration).toEqual({
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  })
  expect(JSON.stringify(bucket?.BucketEncryption)).toContain('"AES256"')
  const [policy] = ofType(template, "AWS::S3::BucketPolicy").map(([, properties]) => properties)
  expect(JSON.stringify(policy)).toMatch(/"Effect":"Deny".*"aws:SecureTransport":(false|"false")/)
})

test("the outputs: have each queue's URL by the name of its variable, and where the API, its alarms and its dashboard are", () => {
  const { Outputs } = template
  for (const variable of QUEUE_VARIABLES) {
    const words = variable.toLowerCase().split("_")
    const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")
    const { Variables } = functionsOf(template)["create-message"]?.Environment ?? { Variables: {} }
    expect([name, Outputs[name]?.Value]).toEqual([name, Variables[variable]])
  }
  expect(Outputs.ApiUrl?.Value).toEqual({ "Fn::GetAtt": ["HttpApi", "ApiEndpoint"] })
  expect(Outputs.AlarmTopicArn?.Value).toEqual({ Ref: "AlarmTopic" })
  expect(Outputs.DashboardUrl?.Value).toEqual({ "Fn::Sub": expect.stringMatching(/cloudwatch.*\$\{Dashboard\}$/) })
  expect(Outputs.IndexAlias?.Value).toBe("chat-dev-messages")
})
