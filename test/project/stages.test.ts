// What stages/<stage>.yml and --param change in the template, and what local/deployment.ts refuses.
import { beforeAll, describe, expect, test } from "@jest/globals"
import { StageFile } from "../../local/stage-file.ts"
import { matches, read } from "../steps/project-files.ts"
import { asDeployed, deployedWith, functionsOf, ofType, type Template, useTemplates } from "../steps/template.ts"

const { run, write } = useTemplates()

const example = read("stages/example.yml")
/** The example with its keys taken in, and endpoints, which are not the default. */
const WHOLE = matches(example, /^#( *[a-zA-Z]+:.*)$/gm)
  .join("\n")
  .replaceAll("<stage>", "whole")
  .replace("endpoints: false", "endpoints: true")
/** Figures that are no defaults. */
const FIGURES = `
memory: { request: 512, consumer: 2048, job: 256 }
throttle: { rate: 7, burst: 3 }
tracing: true
caCertificates: /var/runtime/ca-cert.pem
storesSecret: /elsewhere
index: other-messages
rateLimits: { application: 60, address: 0 }
outbox: { eventsMax: 300000, bytesMax: 1000000 }
alarmEmail: \${env:HOME}@example.com`
const WITHOUT_VPC = "MySQL, Redis and Elasticsearch must be reachable on public addresses"
const PLAIN = ["get-docs", "get-health", "get-openapi", "get-problem", "reject-unknown-route"]

const propertiesOf = (template: Template, id: string) => template.Resources[id]?.Properties
const serviceOf = ({ ServiceName }: { ServiceName: { "Fn::Sub": string } }) => ServiceName["Fn::Sub"].split(".").at(-1)
const endpointsIn = (template: Template) =>
  ofType<{ ServiceName: { "Fn::Sub": string } }>(template, "AWS::EC2::VPCEndpoint").map(([, endpoint]) => endpoint)
const textOf = ({ code, stdout, stderr }: Awaited<ReturnType<typeof run>>): [number | null, string] => [
  code,
  (stdout + stderr).replaceAll(/\s+/g, " "),
]

let written: Template
let whole: Template
let told: string
beforeAll(async () => {
  const ran = await run({ stage: "whole", file: WHOLE })
  expect(textOf(ran)).toEqual([0, expect.anything()])
  told = ran.stdout + ran.stderr
  written = await write({ stage: "whole" })
  whole = asDeployed(written)
})

describe("stages/example.yml", () => {
  test("has every key that a file may have, and no other", () => {
    const keys = Object.entries(StageFile.shape).flatMap(([key, schema]) => {
      const { shape } = schema.unwrap() as { shape?: Record<string, unknown> }
      return [key, ...Object.keys(shape ?? {}).map((inner) => `  ${inner}`)]
    })
    expect(matches(example, /^#( *[a-zA-Z]+):/gm).sort()).toEqual(keys.sort())
  })

  test("as it is: sets nothing", () => {
    expect(matches(example, /^([^#\n].*)$/gm)).toEqual([])
  })

  test("names each parameter by which --param overrides it, and shows each default", () => {
    const [, defaults = ""] = read("serverless.yml").split("  default:\n")
    const parameters = [
      ...defaults.matchAll(/^ {4}(\w+): \$\{file\(stages\/\$\{sls:stage\}\.yml\):([\w.]+), (.*)\}$/gm),
    ]
    const named = matches(example.replaceAll("\n# ", " "), /\[([a-zA-Z, ]+)[;\]]/g)
      .flatMap((names) => names.split(", "))
      .filter((name) => /[A-Z]|^(index|tracing)$/.test(name))
    expect(named.sort()).toEqual(parameters.map(([, name]) => name).sort())
    const shown = (key = "") => new RegExp(`^# *${key.split(".").at(-1)}: (.*)$`, "m").exec(example)?.[1]
    const valued = parameters.filter(([, , , value]) => !/^(''|null|param:none)$/.test(value ?? ""))
    expect(valued.length).toBeGreaterThan(10)
    for (const [, , key, value = ""] of valued) {
      const text = value.replaceAll("'", "").replace(`\${sls:stage}`, "<stage>")
      expect([key, shown(key)]).toEqual([key, text])
    }
  })

  test("taken in as a whole: gives every part of the stack, and no warning", () => {
    const conditional = Object.entries(written.Resources).filter(([, { Condition }]) => Condition)
    expect(conditional.length).toBeGreaterThan(5)
    for (const [id] of conditional) expect([id, whole.Resources[id] !== undefined]).toEqual([id, true])
    expect(told).not.toContain(WITHOUT_VPC)
  })
})

describe("a VPC", () => {
  test("has every function that uses a store", () => {
    const config = {
      SubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      SecurityGroupIds: ["sg-0123456789abcdef0"],
    }
    for (const [name, { VpcConfig }] of Object.entries(functionsOf(whole)))
      expect([name, VpcConfig]).toEqual([name, PLAIN.includes(name) ? undefined : config])
  })

  test("with endpoints: has those of SQS and Secrets Manager, which admit the functions; with route tables also S3's", () => {
    const inVpc = {
      VpcId: "vpc-0123456789abcdef0",
      SubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      SecurityGroupIds: [{ Ref: "EndpointSecurityGroup" }],
      PrivateDnsEnabled: true,
    }
    const withoutTables = endpointsIn(deployedWith(written, { VpcRouteTableIds: "" }))
    expect(withoutTables.map(serviceOf).sort()).toEqual(["secretsmanager", "sqs"])
    for (const endpoint of withoutTables) expect(endpoint).toMatchObject(inVpc)
    expect(propertiesOf(whole, "EndpointSecurityGroup")?.SecurityGroupIngress).toEqual([
      {
        ...{ SourceSecurityGroupId: "sg-0123456789abcdef0", FromPort: 443, ToPort: 443, IpProtocol: "tcp" },
        Description: expect.any(String),
      },
    ])
    const tables = { VpcEndpointType: "Gateway", RouteTableIds: ["rtb-0123456789abcdef0"] }
    expect(propertiesOf(whole, "S3Endpoint")).toMatchObject(tables)
  })

  test("without endpoints, or none at all: has no endpoint", () => {
    for (const values of [{ VpcEndpoints: "false" }, { VpcId: "" }]) {
      const template = deployedWith(written, values)
      expect(endpointsIn(template)).toEqual([])
      expect(template.Resources.EndpointSecurityGroup).toBeUndefined()
    }
  })
})

describe("a domain", () => {
  test("is mapped to the API, is its URL, and with a zone has a record", () => {
    expect(propertiesOf(whole, "ApiDomain")).toMatchObject({ DomainName: "chat.example.com" })
    expect(propertiesOf(whole, "ApiDomainMapping")).toMatchObject({ ApiId: { Ref: "HttpApi" }, Stage: "$default" })
    expect(whole.Outputs.ApiUrl?.Value).toEqual({ "Fn::Sub": expect.stringMatching(/^https:\/\/\$\{DomainName\}$/) })
    const record = { HostedZoneId: "Z0123456789ABCDEFGHIJ", Name: "chat.example.com", Type: "A" }
    expect(propertiesOf(whole, "ApiDomainRecord")).toMatchObject(record)
    const alone = deployedWith(written, { DomainHostedZoneId: "" })
    expect([alone.Resources.ApiDomainRecord, alone.Resources.ApiDomain]).toEqual([undefined, expect.anything()])
    expect(alone.Outputs.ApiDomainTarget).toBeDefined()
  })
})

describe("a stage's file", () => {
  test("that is absent: leaves out every part that needs a value, with a warning of the missing VPC", async () => {
    const ran = await run({ stage: "bare" })
    expect(ran.stdout + ran.stderr).toContain(`${WITHOUT_VPC}. To change that, give \`vpc\` in stages/bare.yml.`)
    const bare = await write({ stage: "bare" })
    const conditional = Object.entries(bare.Resources).filter(([, { Condition }]) => Condition)
    const { Resources } = asDeployed(bare)
    for (const [id] of conditional) expect([id, Resources[id]]).toEqual([id, undefined])
    for (const [name, one] of Object.entries(functionsOf(bare))) {
      expect([name, one.VpcConfig?.SubnetIds ?? []]).toEqual([name, []])
      const { MemorySize, ReservedConcurrentExecutions, TracingConfig } = one
      expect([name, MemorySize, ReservedConcurrentExecutions, TracingConfig]).toEqual([
        name,
        name === "prepare-stores" ? 1769 : 1024,
        undefined,
        undefined,
      ])
    }
  })

  test("with figures: sets them, and --param overrides them", async () => {
    const args = ["--param", "throttleRate=9", "--param", "tracing=false"]
    const template = await write({ stage: "figures", file: FIGURES, args })
    const functions = functionsOf(template)
    const memory = ["get-chat", "persist-writes", "index-messages", "sync-counts", "relay-outbox"]
    expect(memory.map((name) => functions[name]?.MemorySize)).toEqual([512, 2048, 2048, 256, 256])
    const settings = {
      ...{ ELASTICSEARCH_INDEX: "other-messages", RATE_LIMIT_APPLICATION: "60", RATE_LIMIT_ADDRESS: "0" },
      ...{ OUTBOX_EVENTS_MAX: "300000", OUTBOX_BYTES_MAX: "1000000" },
    }
    expect(functions["get-chat"]?.Environment.Variables).toMatchObject(settings)
    const { StoresSecret, AlarmEmail, Tracing } = template.Parameters
    expect([StoresSecret?.Default, Tracing?.Default]).toEqual(["/elsewhere", "false"])
    // A variable of serverless.
    expect(AlarmEmail?.Default).toMatch(/^\/.+@example\.com$/)
    const limits = { ThrottlingRateLimit: "9", ThrottlingBurstLimit: 3 }
    expect(propertiesOf(template, "HttpApiStage")?.DefaultRouteSettings).toMatchObject(limits)
    expect(functions["get-chat"]?.TracingConfig).toBeUndefined()
  })

  test("with reserved instances and tracing: gives them to the consumers and jobs, and to all", () => {
    const functions = Object.entries(functionsOf(whole))
    const reserved = functions.filter(([, { ReservedConcurrentExecutions }]) => ReservedConcurrentExecutions)
    expect(
      reserved.map(([name, { ReservedConcurrentExecutions }]) => `${name} ${ReservedConcurrentExecutions}`).sort(),
    ).toEqual(["index-messages 5", "persist-writes 5", "relay-outbox 1", "sync-counts 1"])
    const traced = deployedWith(written, { Tracing: "true" })
    expect(JSON.stringify(traced.Resources.PlainRole)).toContain("AWSXRayDaemonWriteAccess")
  })
})

describe("a deployment that is refused", () => {
  test("of the emulator's stage: says so", async () => {
    expect(textOf(await run({ stage: "local" }))).toEqual([
      1,
      expect.stringContaining("The stage local is the emulator's"),
    ])
  })

  test("with a wrong file: says what is wrong", async () => {
    const reason = 'stages/wrong.yml is wrong. the file: Unrecognized key: "memmory"'
    const ran = await run({ stage: "wrong", file: "memmory: { request: 1 }" })
    expect(textOf(ran)).toEqual([1, expect.stringContaining(reason)])
  })

  test("with a secret in the environment: says which", async () => {
    const edit = (text: string) => text.replace(/^ {4}environment:$/m, "    environment:\n      REDIS_URL: rediss://x")
    const reason = "REDIS_URL is in the environment of all"
    expect(textOf(await run({ edit }))).toEqual([1, expect.stringContaining(reason)])
  })
})
