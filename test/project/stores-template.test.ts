// infra/stores.yml makes what the first stack, its stage's file and its secret ask for, and docs/deploy.md says so.
import { describe, expect, test } from "@jest/globals"
import { readConfig } from "../../lib/config.ts"
import { matches, read, sectionOf } from "../steps/project-files.ts"
import { ofType, useTemplates } from "../steps/template.ts"

const { write } = useTemplates()

const GUIDE = "docs/deploy.md"
const SECTION = "Network and stores in one command"
const template = read("infra/stores.yml")
const [, outputs = ""] = template.split("\nOutputs:\n")
const section = sectionOf(GUIDE, SECTION)
const namesIn = (text: string): string[] => matches(text, /`([^`]+)`/g)

/** Returns the lines of a parameter, resource or output. */
const blockOf = (name: string): string =>
  new RegExp(`^ {2}${name}:(.*\n(?: {3,}.*\n)*)`, "m").exec(`${template}\n`)?.[1] ?? ""
const typeOf = (resource: string): string => /Type: ([\w:]+)/.exec(blockOf(resource))?.[1] ?? ""

/** What AWS puts before the id of a resource. */
const PREFIXES: Record<string, string> = {
  "AWS::EC2::VPC": "vpc-",
  "AWS::EC2::Subnet": "subnet-",
  "AWS::EC2::SecurityGroup": "sg-",
  "AWS::EC2::RouteTable": "rtb-",
}
const resources = matches(template.split("\nResources:\n")[1] ?? "", /^ {2}(\w+):$/gm)
const idOf = (resource: string): string => `${PREFIXES[typeOf(resource)] ?? "no-"}${resources.indexOf(resource) + 256}`

/** Returns an output as a stack in two or three zones would have it, with an id for each resource. */
function outputOf(name: string, zones: 2 | 3): string {
  const [, value = ""] = /Value: (.*?)(?: \})?$/m.exec(blockOf(name)) ?? []
  const [, three = "", two = ""] = /^!If \[WithThirdZone, (.*), (!Sub .*)\]$/.exec(value) ?? [value, value, value]
  const [, ref] = /^!Ref (\w+)$/.exec(value) ?? []
  const [, text = ""] = /"(.*)"/.exec(ref ? `"\${${ref}}"` : zones === 3 ? three : two) ?? []
  return text.replaceAll(/\$\{(\w+)\}/g, (_, resource) => idOf(resource))
}

/** Returns a block of the guide with the values of its variables, by name. */
const filled = (block: string, values: Record<string, string>): string =>
  block.replaceAll(/\$(\w+)/g, (_, name) => values[name] ?? `no value of ${name}`)

describe("the outputs", () => {
  const named = matches(outputs, /^ {2}(\w+):/gm)

  test("have each parameter that the first stack takes of the network, by its name, and no other of such a name", () => {
    const parameters = matches(read("resources/parameters.yml"), /^ {2}(Vpc\w+):/gm)
    expect(parameters.length).toBeGreaterThan(3)
    expect(named.filter((name) => name.startsWith("Vpc")).sort()).toEqual(parameters.sort())
  })

  test("that the guide asks for are those there are, and it asks for all", () => {
    const asked = matches(read(GUIDE), /\$\(output (\w+)\)/g)
    expect([...new Set(asked)].sort()).toEqual(named.toSorted())
  })

  test("hold no secret, nor does a parameter", () => {
    expect(outputs).not.toMatch(/resolve:/)
    expect(matches(template.split("\nRules:\n")[0] ?? "", /^ {2}(\w*(?:Password|Key|Token)\w*):/gm)).toEqual([])
  })
})

describe("what the guide writes of the outputs", () => {
  const assigned = Object.fromEntries(
    [...section.matchAll(/^(\w+)=\$\(output (\w+)\)$/gm)].map(([, variable = "", output = ""]) => [variable, output]),
  )

  test.each([2, 3] as const)("for %s zones: is a stage's file that the first stack takes", async (zones) => {
    const values = Object.fromEntries(
      Object.entries(assigned).map(([variable, output]) => [variable, outputOf(output, zones)]),
    )
    const [, block = ""] = matches(sectionOf(GUIDE, "The stage"), /<<YML\n([\s\S]*?)YML/g)
    const file = filled(block, values).replace("ADDRESS", "operator@example.com")
    const stack = await write({ stage: `zones-${zones}`, file })
    const subnets = ["One", "Two", "Three"].slice(0, zones).map((zone) => idOf(`PrivateSubnet${zone}`))
    expect(stack.Parameters).toMatchObject({
      VpcId: { Default: idOf("Vpc") },
      VpcSubnetIds: { Default: subnets.join(",") },
      VpcSecurityGroupIds: { Default: idOf("FunctionsSecurityGroup") },
      VpcEndpoints: { Default: "true" },
      VpcRouteTableIds: { Default: idOf("PrivateRouteTable") },
    })
  })

  test("is a secret that the functions take, with TLS to each store", () => {
    const [block = ""] = matches(sectionOf(GUIDE, "The secret"), /<<JSON\n([\s\S]*?)\nJSON/g)
    const of = { mysql_password: "p", mysql_host: "mysql.example", redis_user: "u", redis_password: "q" }
    const values = { ...of, redis_host: "redis.example", elasticsearch: "https://e.example", elasticsearch_key: "k" }
    const json = filled(block.replace(/\$\(openssl [^)]*\)/, "k".repeat(32)), values)
    const config = readConfig({ ...JSON.parse(json), SQS_ENDPOINT: "http://127.0.0.1:9324" })
    expect(config.MYSQL_URL).toBe("mysql://chat:p@mysql.example:3306/chat?ssl={}")
    expect(config.REDIS_URL).toBe("rediss://u:q@redis.example:6379")
    for (const name of Object.keys(values).filter((one) => /^(mysql_host|redis_host|redis_user)$/.test(one)))
      expect(assigned[name]).toBeDefined()
  })

  test("is made with a database and a user of the names in it", () => {
    expect(blockOf("MysqlCluster")).toContain("DatabaseName: chat\n")
    expect(section).toContain(`sql "CREATE USER chat IDENTIFIED BY '$mysql_password' REQUIRE SSL"`)
    expect(section).toContain("sql 'GRANT ALL ON chat.* TO chat'")
  })
})

describe("the stores", () => {
  test("admit the functions alone, and leave nothing but their way to 443 open", () => {
    const sources = matches(template, /SourceSecurityGroupId: !Ref (\w+)/g)
    expect(sources).toEqual(Array(4).fill("FunctionsSecurityGroup"))
    expect(matches(template, /SecurityGroupIngress: (.*)$/gm).filter((rules) => rules.includes("Cidr"))).toEqual([])
    const open = matches(template, /SecurityGroupEgress: (.*)$/gm).filter((rules) => !rules.includes("127.0.0.1/32"))
    expect(open).toEqual([expect.stringContaining("FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0")])
    expect(template).not.toMatch(/MapPublicIpOnLaunch|PubliclyAccessible: true/)
  })

  test("are encrypted, demand TLS, and outlive the stack", () => {
    const kept = resources.filter((name) => /DeletionPolicy: (Snapshot|Retain)/.test(blockOf(name)))
    expect(kept).toEqual(["MysqlCluster", "RedisPassword", "RedisCluster", "CacheCluster"])
    const mysql = blockOf("MysqlCluster")
    for (const setting of ["StorageEncrypted", "DeletionProtection", "ManageMasterUserPassword"])
      expect(mysql).toContain(`${setting}: true\n`)
    expect(blockOf("MysqlParameterGroup")).toContain('require_secure_transport: "ON"\n')
    expect(blockOf("RedisCluster")).toContain("TLSEnabled: true\n")
    for (const setting of [
      "TransitEncryptionEnabled: true",
      "TransitEncryptionMode: required",
      "AtRestEncryptionEnabled: true",
    ])
      expect(blockOf("CacheCluster")).toContain(`${setting}\n`)
  })

  test("of Redis, whichever: evict as operations.md demands, and give their user the same rights", () => {
    const [, policy = ""] = /^(maxmemory-policy \S+)$/m.exec(sectionOf("docs/operations.md", "Redis")) ?? []
    for (const group of ["RedisParameterGroup", "CacheParameterGroup"])
      expect(blockOf(group)).toContain(policy.replace(" ", ": "))
    const [memorydb, elasticache, ...others] = matches(template, /AccessString: (.*)$/gm)
    expect([elasticache, others]).toEqual([memorydb, []])
  })
})

describe("the first stack's endpoints", () => {
  test("are made once", async () => {
    const first = ofType<{ ServiceName: { "Fn::Sub": string } }>(
      await write({ stage: "once" }),
      "AWS::EC2::VPCEndpoint",
    )
    const services = first.map(([, { ServiceName }]) => ServiceName["Fn::Sub"])
    expect(services).toHaveLength(3)
    const second = resources.filter((name) => typeOf(name) === "AWS::EC2::VPCEndpoint").map(blockOf)
    expect(second.map((block) => /ServiceName: (?:!\w+ )?(.*)/.exec(block)?.[1])).toEqual([
      "ElasticsearchService",
      `com.amazonaws.\${AWS::Region}.xray`,
    ])
    expect(second.filter((block) => services.some((service) => block.includes(service)))).toEqual([])
  })
})

describe("the template", () => {
  /** CloudFormation's limit of a template that is not in a bucket, as that of `aws cloudformation deploy` is not. */
  const BYTES_MAX = 51_200

  test("is what CloudFormation takes in a call, without the aliases of YAML", () => {
    expect(Buffer.byteLength(template)).toBeLessThan(BYTES_MAX)
    expect(template).not.toMatch(/(?:[:,[{-] )[&*]\w/)
  })

  test("has the parameters that the guide explains, with their defaults", () => {
    const parameters = matches(template.split("\nRules:\n")[0] ?? "", /^ {2}([A-Z]\w+):/gm)
    const rows = matches(section, /^\| (`.*?\|.*?)\|/gm).map((row) => row.split("|").map(namesIn))
    expect(rows.flatMap(([names = []]) => names)).toEqual(parameters)
    for (const [names = [], defaults = []] of rows)
      for (const [index, name] of names.entries()) {
        const value = /Default: "?([^",\n}]*?)"?(?:,|$)/m.exec(blockOf(name))?.[1] || undefined
        expect([name, value]).toEqual([name, defaults[index]])
      }
  })

  test("is given parameters that there are by the guide's command", () => {
    const [overrides = ""] = matches(section, /--parameter-overrides (.*)$/gm)
    const given = matches(overrides, /(\w+)=/g)
    expect(given).toEqual(expect.arrayContaining(["Stage", "ZoneOne", "ZoneTwo"]))
    expect(given.filter((name) => blockOf(name) === "")).toEqual([])
  })

  test("costs what the products of the guide are", () => {
    const [paragraph = ""] = /^At rest and in its smallest size [\s\S]*?\n\n/m.exec(read(GUIDE)) ?? []
    const products = [...paragraph.matchAll(/([\d.]+(?: × [\d.]+)+) = ([\d.]+\d)/g)]
    expect(products.length).toBeGreaterThan(1)
    for (const [, factors = "", result] of products) {
      const product = factors.split(" × ").reduce((all, factor) => all * Number(factor), 1)
      expect([factors, product.toFixed(2)]).toEqual([factors, result])
    }
  })
})
