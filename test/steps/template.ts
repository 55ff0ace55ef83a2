// The CloudFormation template of a stage, packaged without bundles, and as CloudFormation would read it.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, jest } from "@jest/globals"
import type { Ran } from "./child.ts"
import { copyProject, type ProjectCopy } from "./project-copy.ts"
import { bareEnvironment, runServerless } from "./serverless.ts"

/** Without bundles it takes seconds, many times that on a busy machine. */
const PACKAGE_LIMIT_MS = 90_000
const TEST_LIMIT_MS = 180_000

export type Resource = { Type: string; Condition?: string; DependsOn?: unknown; Properties: Record<string, unknown> }
export type Template = {
  Parameters: Record<string, { Type: string; Default: string }>
  Conditions: Record<string, unknown>
  Resources: Record<string, Resource>
  Outputs: Record<string, { Condition?: string; Value: unknown }>
}
export type LambdaFunction = {
  Handler: string
  FunctionName: string
  MemorySize: number
  Timeout: number
  Role: { "Fn::GetAtt": [string, string] }
  Environment: { Variables: Record<string, unknown> }
  VpcConfig?: { SubnetIds: string[]; SecurityGroupIds: string[] }
  TracingConfig?: { Mode: string }
  ReservedConcurrentExecutions?: number
}

/** Returns the properties of the resources of a type, with their ids. */
export const ofType = <T = Record<string, unknown>>({ Resources }: Template, type: string): [string, T][] =>
  Object.entries(Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => [id, Properties as T])

/** Returns the functions by the names of their files. */
export const functionsOf = (template: Template): Record<string, LambdaFunction> =>
  Object.fromEntries(
    ofType<LambdaFunction>(template, "AWS::Lambda::Function").map(([, properties]) => [
      properties.Handler.replace(/^functions\/(.*)\.handler$/, "$1"),
      properties,
    ]),
  )

type Options = { stage?: string; file?: string; args?: string[]; edit?: (serverlessYml: string) => string }

/** Prepares a copy of the project that makes no bundles, around the tests of a file. */
export function useTemplates() {
  jest.setTimeout(TEST_LIMIT_MS)
  let project: ProjectCopy
  let text = ""
  beforeAll(async () => {
    project = await copyProject()
    const config = await readFile(join(project.folder, "serverless.yml"), "utf8")
    text = config
      .replace(/^ {2}- serverless-esbuild\n/m, "")
      .replace("  individually: true", "  artifact: package.json")
  })
  afterAll(() => project?.remove())

  /** Packages a stage, with the text of its file if there is one, and serverless.yml as `edit` leaves it. */
  async function run({ stage = "dev", file, args = [], edit = (same) => same }: Options = {}): Promise<Ran> {
    await writeFile(join(project.folder, "serverless.yml"), edit(text))
    if (file !== undefined) await writeFile(join(project.folder, "stages", `${stage}.yml`), file)
    const all = ["package", "--stage", stage, "--package", stage, ...args]
    return runServerless(project.folder, all, bareEnvironment(project.folder), PACKAGE_LIMIT_MS)
  }

  /** Returns the template as it is written. Throws if the stage is refused. */
  async function write(options: Options = {}): Promise<Template> {
    const { code, stdout, stderr } = await run(options)
    if (code !== 0) throw new Error(`serverless package: ${stdout}${stderr}`)
    const file = join(project.folder, options.stage ?? "dev", "cloudformation-template-update-stack.json")
    return JSON.parse(await readFile(file, "utf8"))
  }

  return { run, write }
}

/** Returns the template as it is deployed with other values of these parameters. */
export function deployedWith(template: Template, values: Record<string, string>): Template {
  const changed = Object.entries(template.Parameters).map(([name, parameter]) => [
    name,
    { ...parameter, Default: values[name] ?? parameter.Default },
  ])
  return asDeployed({ ...template, Parameters: Object.fromEntries(changed) })
}

/** Returns what CloudFormation makes of the template: with its parameters, and without what a condition excludes. */
export function asDeployed(template: Template): Template {
  const { Parameters, Conditions } = template
  const parameter = (name: string): string | string[] | undefined => {
    const { Type, Default } = Parameters[name] ?? {}
    return Type === "CommaDelimitedList" ? Default?.split(",") : Default
  }
  const evaluate = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(evaluate).filter((item) => item !== undefined)
    if (typeof value !== "object" || value === null) return value
    const [name = "", argument] = Object.entries(value)[0] ?? []
    const of = () => evaluate(argument) as unknown[]
    const calls: Record<string, () => unknown> = {
      Ref: () => (argument === "AWS::NoValue" ? undefined : (parameter(argument) ?? value)),
      Condition: () => (typeof argument === "string" && argument in Conditions ? holds(argument) : value),
      "Fn::If": () => evaluate(holds(argument[0]) ? argument[1] : argument[2]),
      "Fn::Equals": () => JSON.stringify(of()[0]) === JSON.stringify(of()[1]),
      "Fn::Not": () => !of()[0],
      "Fn::And": () => of().every(Boolean),
      "Fn::Join": () => {
        const [separator, items] = of() as [string, unknown[]]
        return items.every((item) => typeof item === "string") ? items.join(separator) : value
      },
      "Fn::Split": () => (of()[1] as string).split(of()[0] as string),
      "Fn::Select": () => (of()[1] as unknown[])[of()[0] as number],
    }
    if (Object.keys(value).length === 1 && Object.hasOwn(calls, name)) return calls[name]?.()
    const entries = Object.entries(value).map(([key, item]) => [key, evaluate(item)])
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined))
  }
  const holds = (name: string): boolean => evaluate(Conditions[name]) === true
  const exists = ([, { Condition }]: [string, { Condition?: string }]) => Condition === undefined || holds(Condition)
  const kept = <T extends { Condition?: string }>(all: Record<string, T>) =>
    Object.fromEntries(
      Object.entries(all)
        .filter(exists)
        .map(([id, one]) => [id, evaluate({ ...one, Condition: undefined })]),
    )
  return {
    ...template,
    Resources: kept(template.Resources) as Template["Resources"],
    Outputs: kept(template.Outputs) as Template["Outputs"],
  }
}
