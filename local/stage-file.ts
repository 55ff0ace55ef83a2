/** What a file `stages/<stage>.yml` may hold. stages/example.yml explains each key, and serverless.yml has the defaults. */
import * as z from "zod"

/** A variable of serverless, which is resolved only after the file was checked, is taken for any value. */
const VARIABLE = z.string().regex(/\$\{.+\}/)
const value = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, VARIABLE]).optional()
const required = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, VARIABLE])

const text = z.string().min(1)
const count = z.int().min(1)
const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}-[0-9a-f]+$`), `must begin with ${prefix}-`)
/** AWS Lambda's bounds, in MB. */
const memory = z.int().min(128).max(10_240)
/** An ARN without its last six characters would not be the one that a role's policy is compared with. */
const secret = z
  .string()
  .regex(/^(?!arn:)[\w/+=.@-]+$|^arn:[\w-]+:secretsmanager:.+:secret:.+-\w{6}$/, "must be a name or a whole ARN")

export const StageFile = z.strictObject({
  publicUrl: value(z.url()),
  corsOrigins: value(text),
  storesSecret: value(secret),
  caCertificates: value(z.string().startsWith("/")),
  index: value(z.string().regex(/^[a-z][a-z0-9_-]*$/, "must be of lower case letters, digits, - and _")),
  rateLimits: z.strictObject({ application: value(z.int().min(0)), address: value(z.int().min(0)) }).optional(),
  outbox: z.strictObject({ eventsMax: value(count), bytesMax: value(count) }).optional(),
  vpc: z
    .strictObject({
      vpcId: required(id("vpc")),
      subnetIds: required(z.array(id("subnet")).min(1)),
      securityGroupIds: required(z.array(id("sg")).min(1).max(5)),
      endpoints: value(z.boolean()),
      routeTableIds: value(z.array(id("rtb")).min(1)),
    })
    .optional(),
  memory: z.strictObject({ request: value(memory), consumer: value(memory), job: value(memory) }).optional(),
  reservedConcurrency: z.strictObject({ consumer: value(count), job: value(count) }).optional(),
  throttle: z.strictObject({ rate: value(count), burst: value(count) }).optional(),
  tracing: value(z.boolean()),
  domain: z
    .strictObject({
      name: required(text),
      certificateArn: required(z.string().startsWith("arn:")),
      hostedZoneId: value(text),
    })
    .optional(),
  alarmEmail: value(z.email()),
  alarms: z
    .strictObject({ latencyMs: value(count), serverErrorsPercent: value(z.number().positive().max(100)) })
    .optional(),
})

/** Returns what is wrong with a stage's file, each fault as a line; an empty file has none. */
export function faultsOf(content: unknown): string[] {
  const { error } = StageFile.safeParse(content ?? {})
  return error?.issues.map(({ path, message }) => `${path.join(".") || "the file"}: ${message}`) ?? []
}
