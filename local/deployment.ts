/**
 * The plugin that stands before `serverless package` and `serverless deploy`: it refuses the emulator's stage, a secret
 * in an environment and a wrong stages/<stage>.yml, warns of stores without a VPC, writes the stage's values as
 * CloudFormation takes parameters, and lists all alarms on the dashboard, which knows no search for them.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"

type Environment = Record<string, unknown>
type Parameter = { Default?: unknown }
type Resource = { Type: string; Properties?: { DashboardBody?: { "Fn::Sub": string } } }
type Serverless = {
  service: {
    provider: {
      environment?: Environment
      stage?: string
      compiledCloudFormationTemplate?: { Resources: Record<string, Resource> }
    }
    functions: Record<string, { environment?: Environment }>
    resources?: { Parameters?: Record<string, Parameter> }
  }
  serviceDir: string
  yamlParser: { parse(path: string): Promise<unknown> }
  classes: { Error: new (message: string) => Error }
}
type Tools = { log: { warning(text: string): void } }

/** What the secret holds. In an environment, everyone who may see the functions could read it. */
export const SECRETS = [
  "MYSQL_URL",
  "MYSQL_READER_URL",
  "REDIS_URL",
  "ELASTICSEARCH_URL",
  "ELASTICSEARCH_API_KEY",
  "ADMIN_API_KEY",
]

/** What names of queues, functions and the index allow; with the longest function's name, a name has 64 characters. */
const STAGE = /^[a-z][a-z0-9-]{0,22}$/

const WITHOUT_VPC =
  "The functions are in no VPC, so MySQL, Redis and Elasticsearch must be reachable on public addresses. To change that, give `vpc` in"

/** Returns a value as the default of a CloudFormation parameter, which is text. */
const parameterText = (value: unknown): string =>
  Array.isArray(value) ? value.join(",") : value === undefined || value === null ? "" : String(value)

/** A class, because serverless creates its plugins with `new`. */
export class Deployment {
  readonly hooks: Record<string, () => void>

  constructor(serverless: Serverless, _options: unknown, { log }: Tools) {
    const refuse = (reason: string): never => {
      throw new serverless.classes.Error(reason)
    }
    const stageOf = (): string => serverless.service.provider.stage ?? ""

    const requireCloudStage = (): void => {
      const stage = stageOf()
      if (stage === "local") refuse("The stage local is the emulator's, and must not be packaged or deployed.")
      if (!STAGE.test(stage))
        refuse(`The stage ${stage} must be up to 23 lower case letters, digits and hyphens, and begin with a letter.`)
    }

    const refuseSecrets = (): void => {
      const { provider, functions } = serverless.service
      const environments = { all: provider, ...functions }
      for (const [name, { environment = {} }] of Object.entries(environments))
        for (const secret of SECRETS)
          if (environment[secret] !== undefined && environment[secret] !== null)
            refuse(
              `${secret} is in the environment of ${name}, where it can be read. It belongs in the stage's secret.`,
            )
    }

    const checkStageFile = async (): Promise<void> => {
      const name = `stages/${stageOf()}.yml`
      const path = join(serverless.serviceDir, name)
      if (!existsSync(path)) return
      // Loaded here, since every start of the emulator loads this plugin.
      const { faultsOf } = await import("./stage-file.ts")
      const faults = faultsOf(await serverless.yamlParser.parse(path))
      if (faults.length > 0) refuse(`${name} is wrong. ${faults.join("; ")}`)
    }

    const check = async (): Promise<void> => {
      requireCloudStage()
      refuseSecrets()
      await checkStageFile()
      const parameters = serverless.service.resources?.Parameters ?? {}
      for (const parameter of Object.values(parameters)) parameter.Default = parameterText(parameter.Default)
      if (parameters.VpcId?.Default === "") log.warning(`${WITHOUT_VPC} stages/${stageOf()}.yml.`)
    }
    const listAlarms = (): void => {
      const resources = serverless.service.provider.compiledCloudFormationTemplate?.Resources ?? {}
      const alarms = Object.keys(resources).filter((id) => resources[id]?.Type === "AWS::CloudWatch::Alarm")
      for (const { Properties } of Object.values(resources)) {
        const body = Properties?.DashboardBody
        if (!body) continue
        const arns = JSON.stringify(alarms.map((id) => `\${${id}.Arn}`))
        body["Fn::Sub"] = body["Fn::Sub"].replace('"alarms": []', () => `"alarms": ${arns}`)
      }
    }

    this.hooks = {
      "before:package:initialize": check,
      "after:aws:package:finalize:mergeCustomProviderResources": listAlarms,
      "before:deploy:deploy": requireCloudStage,
    }
  }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { Deployment as "module.exports" }
