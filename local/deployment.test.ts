import { describe, expect, test } from "@jest/globals"
import { Deployment, SECRETS } from "./deployment.ts"

class Refused extends Error {}

type Service = {
  stage?: string
  environment?: Record<string, unknown>
  ofFunction?: Record<string, unknown>
  parameters?: Record<string, { Default?: unknown }>
}

/** Runs the plugin before a package. Returns its warnings. */
async function check({
  stage = "prod",
  environment = {},
  ofFunction = {},
  parameters = {},
}: Service): Promise<string[]> {
  const warnings: string[] = []
  const service = {
    provider: { environment, stage },
    functions: { "relay-outbox": { environment: ofFunction } },
    resources: { Parameters: parameters },
  }
  const serverless = {
    service,
    serviceDir: "/nowhere",
    yamlParser: { parse: async () => ({}) },
    classes: { Error: Refused },
  }
  const { hooks } = new Deployment(serverless, {}, { log: { warning: (text) => warnings.push(text) } })
  await hooks["before:package:initialize"]?.()
  return warnings
}

describe("a deployment", () => {
  test.each(["local", "Prod", "2nd", "with_underscore", "a".repeat(24), ""])(
    "of the stage %p: is refused",
    async (stage) => {
      await expect(check({ stage })).rejects.toThrow(Refused)
    },
  )

  test.each(["prod", "eu-1", "a".repeat(23)])("of the stage %p: is not", async (stage) => {
    expect(await check({ stage })).toEqual([])
  })

  test.each(SECRETS)("with %s in an environment, as a value or a reference: is refused", async (name) => {
    const reference = "{{resolve:secretsmanager:a:SecretString:b}}"
    for (const value of ["secret", "", reference, { Ref: "Secret" }]) {
      await expect(check({ environment: { [name]: value } })).rejects.toThrow(`${name} is in the environment of all`)
      await expect(check({ ofFunction: { [name]: value } })).rejects.toThrow(
        `${name} is in the environment of relay-outbox`,
      )
    }
    expect(await check({ environment: { [name]: null, STORES_SECRET: "arn" } })).toEqual([])
  })

  test("with parameters: has each as text, and warns if there is no VPC", async () => {
    const parameters: Record<string, { Default?: unknown }> = {
      VpcId: { Default: "vpc-1" },
      Subnets: { Default: ["a", "b"] },
      None: { Default: [] },
      Flag: { Default: false },
      Absent: { Default: null },
    }
    expect(await check({ parameters })).toEqual([])
    const texts = Object.values(parameters).map((parameter) => parameter.Default)
    expect(texts).toEqual(["vpc-1", "a,b", "", "false", ""])
    expect(await check({ parameters: { VpcId: { Default: "" } } })).toEqual([
      expect.stringContaining("stages/prod.yml"),
    ])
  })
})
