import { describe, expect, test } from "@jest/globals"
import { faultsOf } from "./stage-file.ts"

const VPC = { vpcId: "vpc-1a", subnetIds: ["subnet-1a"], securityGroupIds: ["sg-1a"] }
const { securityGroupIds: _groups, ...WITHOUT_GROUPS } = VPC

describe("a stage's file", () => {
  test.each<[string, unknown]>([
    ["that is empty", null],
    ["with a VPC", { vpc: VPC }],
    [
      "with variables of serverless",
      { vpc: { ...VPC, subnetIds: `\${env:SUBNETS}` }, memory: { job: `\${env:MEMORY}` } },
    ],
    ["with the name of a secret", { storesSecret: "/chat/prod/stores" }],
    ["with the whole ARN of one", { storesSecret: "arn:aws:secretsmanager:eu-west-1:1:secret:stores-AbCdEf" }],
  ])("%s: is right", (_what, content) => {
    expect(faultsOf(content)).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ["of text", "vpc", "the file: "],
    ["with an unknown key", { memmory: {} }, 'Unrecognized key: "memmory"'],
    ["with an unknown key within", { memory: { reqest: 512 } }, 'memory: Unrecognized key: "reqest"'],
    ["with a VPC without groups", { vpc: WITHOUT_GROUPS }, "vpc.securityGroupIds: "],
    ["with one subnet for a list", { vpc: { ...VPC, subnetIds: "subnet-1a" } }, "vpc.subnetIds: "],
    ["with a group among the subnets", { vpc: { ...VPC, subnetIds: ["sg-1a"] } }, "must begin with subnet-"],
    ["with a certificate missing", { domain: { name: "chat.example.com" } }, "domain.certificateArn: "],
    ["with too little memory", { memory: { job: 64 } }, "memory.job: "],
    [
      "with an ARN that lacks its end",
      { storesSecret: "arn:aws:secretsmanager:eu-west-1:1:secret:stores" },
      "storesSecret: ",
    ],
    ["with an index that Elasticsearch refuses", { index: "Messages" }, "index: "],
  ])("%s: is wrong, and the fault named", (_what, content, fault) => {
    expect(faultsOf(content)).toEqual([expect.stringContaining(fault)])
  })
})
