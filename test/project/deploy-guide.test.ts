// What docs/deploy.md names, computes and asks for agrees with the project; its policy covers what the stack makes.
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { SECRETS } from "../../local/deployment.ts"
import { ROOT } from "../../local/services/settings.ts"
import { StageFile } from "../../local/stage-file.ts"
import { matches, read, sectionOf } from "../steps/project-files.ts"

const GUIDE = "docs/deploy.md"
const guide = read(GUIDE)
const blocks = matches(guide, /```sh\n([\s\S]*?)```/g)
const resources = globSync("resources/*.yml", { cwd: ROOT }).map(read)
const withoutBlocks = (text: string): string => text.replaceAll(/```[\s\S]*?```/g, "")
const namesIn = (text: string): string[] => matches(withoutBlocks(text), /`([^`]+)`/g)

/** Names that zsh uses for itself (zshparam, and zsh/parameter, which an interactive zsh loads). */
const SPECIAL_IN_ZSH = [
  ...["aliases", "argv", "builtins", "cdpath", "commands", "dirstack", "fignore", "fpath", "funcstack", "functions"],
  ...["galiases", "history", "historywords", "jobdirs", "jobstates", "jobtexts", "keymaps", "mailpath", "manpath"],
  ...["module_path", "modules", "nameddirs", "options", "parameters", "patchars", "path", "pipestatus", "prompt"],
  ...["psvar", "reswords", "saliases", "signals", "status", "terminfo", "userdirs", "usergroups", "watch", "widgets"],
  ...["words", "HISTSIZE", "HOST", "OPTIONS", "SECONDS", "UID", "USERNAME"],
]

/** Returns the keys of the stage's file that a block writes, and those below them. */
function stageKeys(block: string): string[] {
  const [, yaml = ""] = /<<YML\n([\s\S]*?)\nYML/.exec(block) ?? []
  return matches(yaml, /^( *[a-zA-Z]+):/gm)
}

describe("the guide's commands", () => {
  test("are what a shell reads", () => {
    expect(blocks.length).toBeGreaterThan(10)
    for (const block of blocks) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: block, encoding: "utf8" })
      expect([block, status, stderr]).toEqual([block, 0, ""])
    }
  })

  test("assign nothing that is special in zsh, where the value would be lost or refused", () => {
    const assigned = blocks.flatMap((block) => [
      ...matches(block, /^ *(?:export )?([a-z_]\w*)=/gim),
      ...matches(block, /\bread -\w+ ([\w ]+?) *(?:<<<|$)/gm).flatMap((names) => names.split(" ")),
      ...matches(block, /\bfor (\w+) in /g),
    ])
    expect(assigned).toEqual(expect.arrayContaining(["account", "zone_two", "elasticsearch_key", "stores_group"]))
    expect(assigned.filter((name) => SPECIAL_IN_ZSH.includes(name))).toEqual([])
  })

  test("write a secret with the entries that no environment may have", () => {
    const [block = ""] = blocks.filter((one) => one.includes("create-secret"))
    const needed = SECRETS.filter((name) => name !== "MYSQL_READER_URL")
    expect(matches(block, /^ {2}"([A-Z_]+)":/gm).sort()).toEqual(needed.sort())
    expect(sectionOf(GUIDE, "The secret")).toContain('"MYSQL_READER_URL"')
  })

  test("write a stage's file of keys that there are, and the text names keys that there are", () => {
    const inner = Object.entries(StageFile.shape).flatMap(([key, schema]) => {
      const { shape } = schema.unwrap() as { shape?: Record<string, unknown> }
      return Object.keys(shape ?? {}).map((name) => `${key}.${name}`)
    })
    const keys = [...Object.keys(StageFile.shape), ...inner]
    const [written = [], ofStores = [], ...others] = blocks.map(stageKeys).filter((found) => found.length > 0)
    expect(written).toEqual(["vpc", "  vpcId", "  subnetIds", "  securityGroupIds", "caCertificates", "alarmEmail"])
    expect(others).toEqual([])
    const named = [
      ...[...written, ...ofStores].map((key) => (key.startsWith(" ") ? `vpc.${key.trim()}` : key)),
      ...namesIn(sectionOf(GUIDE, "The stage")).filter((name) => /^[a-z]\w+$/.test(name)),
      ...namesIn(guide).filter((name) => /^vpc\./.test(name)),
    ]
    expect(named.filter((key) => !keys.includes(key))).toEqual([])
  })

  test("stand on one line where the text has them, since a copy of two would be two commands", () => {
    const paragraphs = withoutBlocks(guide).split(/\n{2,}|\n(?=\s*[-|] )/)
    expect(paragraphs.length).toBeGreaterThan(100)
    expect(paragraphs.flatMap(namesIn).filter((name) => name.includes("\n"))).toEqual([])
  })

  test("of the operator are those there are", () => {
    const named = matches(guide, /npm run ops -- ([a-z-]+)/g)
    const commands = matches(read("local/ops.ts"), /from "\.\/ops\/([a-z-]+)\.ts"/g)
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter((name) => !commands.includes(name))).toEqual([])
  })
})

describe("the guide's commands of git", () => {
  /** Returns those below a heading of any level. */
  const commandsOf = (heading: string): string => {
    const [, below = ""] = guide.split(new RegExp(`^##+ ${heading}\n`, "m"))
    const commands = matches(below.split(/^##/m)[0] ?? "", /^(git .*)$/gm)
    expect(commands).not.toEqual([])
    return commands.join("\n")
  }
  const author = { GIT_AUTHOR_NAME: "operator", GIT_AUTHOR_EMAIL: "operator@example.com" }
  const committer = { GIT_COMMITTER_NAME: "operator", GIT_COMMITTER_EMAIL: "operator@example.com" }

  test("keep the stage's file in a branch, through an upgrade and back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deploy-guide-"))
    const [origin, clone] = [join(folder, "origin"), join(folder, "clone")]
    const env = { PATH: process.env.PATH, HOME: folder, ...author, ...committer }
    const run = (cwd: string, input: string) => {
      const { status, stderr } = spawnSync("bash", ["-e"], { cwd, env, input, encoding: "utf8" })
      expect([input, status === 0 || stderr]).toEqual([input, true])
    }
    const release = (name: string) => run(origin, `echo ${name} > stages/example.yml; git add .; git commit -m ${name}`)
    const files = () =>
      Promise.all(["prod", "example"].map((name) => readFile(join(clone, `stages/${name}.yml`), "utf8")))
    try {
      run(folder, "git init -b main origin; mkdir origin/stages")
      release("older")
      run(folder, "git clone origin clone; echo vpc > clone/stages/prod.yml")
      run(clone, commandsOf("The stage"))
      release("newer")
      run(clone, commandsOf("Upgrade"))
      expect(await files()).toEqual(["vpc\n", "newer\n"])
      run(clone, commandsOf("Roll back"))
      expect(await files()).toEqual(["vpc\n", "older\n"])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

test("the guide's outputs: are all that the stack has", () => {
  const own = resources.flatMap((text) => matches(text.split("\nOutputs:\n")[1] ?? "", /^ {2}(\w+):/gm))
  const outputs = [...own, "HttpApiId", "HttpApiUrl", "ServerlessDeploymentBucketName"]
  const rows = matches(sectionOf(GUIDE, "Deploy"), /^\| (`[A-Z].*?`) +\|/gm).flatMap(namesIn)
  expect(rows.filter((name) => /^[A-Z]\w+$/.test(name) && name !== "PrepareStores").sort()).toEqual(outputs.sort())
  expect(matches(guide, /OutputKey=='(\w+)'/g).filter((name) => !outputs.includes(name))).toEqual([])
})

/** The most characters of a stage's name (local/deployment.ts), and of a bucket's. */
const STAGE_MAX = 23
const BUCKET_MAX = 63
/** How CloudFormation ends a name, with 12 or 13 characters of its own. */
const SUFFIX = "1x6jug5lzfnl7"

/** Returns the name of a stack's bucket. Of a long name CloudFormation leaves 24 characters of either part, or more. */
function bucketOf(stack: string, bucket = "serverlessdeploymentbucket"): string {
  const room = BUCKET_MAX - SUFFIX.length - 2
  const half = room / 2
  const [ofStack, ofBucket] = [Math.max(half, room - bucket.length), Math.max(half, room - stack.length)]
  return `${stack.slice(0, ofStack)}-${bucket.slice(0, ofBucket)}-${SUFFIX}`
}

describe("the deployer's policy", () => {
  type Statement = { Sid: string; Effect: string; Action: string[]; Resource: string[] }
  const policy: { Statement: Statement[] } = JSON.parse(read("docs/deployer-policy.json"))
  /** AWS's limit of characters in a policy, white space aside. */
  const CHARACTERS_MAX = 6_144
  /** What serverless adds to the types of resources/. */
  const OF_SERVERLESS = [
    ...["AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Logs::LogGroup", "AWS::Events::Rule"],
    ...["AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"],
    ...["AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route"],
  ]
  /** For each type what making and removing one takes. */
  const ACTIONS: Record<string, string[]> = {
    "AWS::ApiGatewayV2::Api": ["apigateway:POST", "apigateway:DELETE"],
    "AWS::ApiGatewayV2::ApiMapping": ["apigateway:POST", "apigateway:DELETE"],
    "AWS::ApiGatewayV2::DomainName": ["apigateway:POST", "apigateway:DELETE", "acm:DescribeCertificate"],
    "AWS::ApiGatewayV2::Route": ["apigateway:POST", "apigateway:PATCH"],
    "AWS::CloudWatch::Alarm": ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
    "AWS::CloudWatch::Dashboard": ["cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"],
    "AWS::EC2::SecurityGroup": ["ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup"],
    "AWS::EC2::VPCEndpoint": ["ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints"],
    "AWS::Events::Rule": ["events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule"],
    "AWS::IAM::Role": ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRole", "iam:PassRole"],
    "AWS::Lambda::EventSourceMapping": ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"],
    "AWS::Lambda::Function": ["lambda:CreateFunction", "lambda:DeleteFunction"],
    "AWS::Lambda::Permission": ["lambda:AddPermission", "lambda:RemovePermission"],
    "AWS::Logs::LogGroup": ["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"],
    "AWS::Route53::RecordSet": ["route53:ChangeResourceRecordSets"],
    "AWS::S3::Bucket": ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutObject"],
    "AWS::S3::BucketPolicy": ["s3:PutBucketPolicy"],
    "AWS::SNS::Subscription": ["sns:Subscribe", "sns:Unsubscribe"],
    "AWS::SNS::Topic": ["sns:CreateTopic", "sns:DeleteTopic"],
    "AWS::SNS::TopicPolicy": ["sns:SetTopicAttributes"],
    "AWS::SQS::Queue": ["sqs:CreateQueue", "sqs:DeleteQueue"],
    "AWS::SQS::QueuePolicy": ["sqs:SetQueueAttributes"],
    "Custom::PrepareStores": ["lambda:InvokeFunction"],
  }
  /** What cannot be restricted by a name that the stack gives. */
  const UNNAMED = ["EventSources", "WithoutNames", "VpcEndpoints", "Domain"]

  const allowed = policy.Statement.flatMap(({ Action }) => Action)
  const isAllowed = (action: string): boolean =>
    allowed.some((pattern) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(action))

  test("allows what each type of resource takes", () => {
    const types = resources.flatMap((text) => matches(text, /^ {4}Type: ((?:AWS|Custom)::[\w:]+)$/gm))
    expect([...new Set([...types, ...OF_SERVERLESS])].sort()).toEqual(Object.keys(ACTIONS).sort())
    expect(
      Object.values(ACTIONS)
        .flat()
        .filter((action) => !isAllowed(action)),
    ).toEqual([])
  })

  test("is as short as AWS demands, once the account and the region are in it", () => {
    const filled = read("docs/deployer-policy.json").replaceAll("ACCOUNT", "1".repeat(12))
    const text = filled.replaceAll("REGION", "ap-southeast-1")
    expect(text.replaceAll(/\s/g, "").length).toBeLessThanOrEqual(CHARACTERS_MAX)
  })

  test("is restricted to the names of the service, apart from what has none", () => {
    const service = /chat-backend-|:\/apis|:\/domainnames|:\/tags|:secret:\/chat\/|ops\.apigateway/
    const wide = policy.Statement.filter(({ Resource }) => Resource.some((resource) => !service.test(resource)))
    expect(wide.map(({ Sid }) => Sid)).toEqual(UNNAMED)
  })

  test("covers the bucket of every stage, whose name CloudFormation shortens, and nobody else's", () => {
    const [pattern = ""] = policy.Statement.find(({ Sid }) => Sid === "Bucket")?.Resource ?? []
    const covers = (name: string) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(`arn:aws:s3:::${name}`)
    const names = Array.from({ length: STAGE_MAX }, (_, index) => bucketOf(`chat-backend-${"s".repeat(index + 1)}`))
    expect(names.every((name) => name.length <= BUCKET_MAX)).toBe(true)
    expect([names[3], names.at(-1)]).toEqual([
      "chat-backend-ssss-serverlessdeploymentbucket-1x6jug5lzfnl7",
      "chat-backend-sssssssssss-serverlessdeploymentbuck-1x6jug5lzfnl7",
    ])
    expect(names.filter((name) => !covers(name))).toEqual([])
    expect(names.filter((name) => !covers(`${name}/serverless/chat-backend/prod/1/get-chat.zip`))).toEqual([])
    expect(covers(bucketOf("chat-frontend-prod"))).toBe(false)
    expect(covers("chat-backend-prod-backups")).toBe(false)
  })

  test("has the statements that the guide explains", () => {
    const rows = matches(sectionOf(GUIDE, "Rights"), /^\| (`.*?`) +\|/gm).flatMap(namesIn)
    expect(rows.sort()).toEqual(policy.Statement.map(({ Sid }) => Sid).sort())
  })
})

describe("the guide's costs", () => {
  const [, costs = ""] = guide.split("\n## What it costs\n")
  /** The rows of each table: a product and its result. */
  const tables = costs.split("| **sum**").map((text) => [...text.matchAll(/\| ([\d.× ]*\d) +\| ([\d.]+) +\|/g)])

  test("are the products and sums that they show", () => {
    const sums = matches(costs, /\| \*\*sum\*\* +\| +\| ([\d.]+) +\|/g)
    expect(sums).toHaveLength(2)
    for (const [index, sum] of sums.entries()) {
      const rows = tables[index] ?? []
      expect(rows.length).toBeGreaterThan(5)
      for (const [, factors = "", result = ""] of rows) {
        const product = factors.split("×").reduce((all, factor) => all * Number(factor), 1)
        expect([factors, Math.abs(product - Number(result)) < 0.0051]).toEqual([factors, true])
      }
      const total = rows.reduce((all, [, , result = ""]) => all + Number(result), 0)
      expect(total.toFixed(2)).toBe(sum)
    }
  })

  test("count the alarms' metrics, and the relay's own", () => {
    // An alarm on one metric has its name, one on several a MetricStat for each.
    const alarms = resources
      .flatMap((text) => matches(text, /^ {6}(MetricName|Metrics):/gm))
      .filter((one) => one === "MetricName")
    const within = resources.flatMap((text) => matches(text, /(MetricStat):/g))
    expect(costs).toContain(`| ${alarms.length + within.length} × 0.10 `)
    const own = matches(read("lib/operate/metrics.ts"), /addMetric\("(\w+)"/g)
    expect(costs).toContain(`| ${own.length} × 0.30 `)
  })
})
