import * as z from "zod"
import { corsOriginsOf, isOrigin } from "./origins.ts"
import { QUEUE_VARIABLES, type QueueVariable, queueUrlsAt } from "./queue/queues.ts"

const url = (...protocols: string[]) =>
  z
    .url()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL with ${protocols.join(" or ")}`,
    )

const positive = (fallback: number) => z.coerce.number().int().positive().default(fallback)

/** More than one Redis can judge; with it a request still takes 60 µs of its minute. */
const RATE_LIMIT_MAX = 1_000_000
const perMinute = z.coerce.number().int().min(0).max(RATE_LIMIT_MAX).default(0)
/** A content network, a load balancer and a proxy are three. */
const TRUSTED_PROXIES_MAX = 10

/** Too long to be guessed: 24 characters of base64 are 144 bits. */
const ADMIN_KEY_LENGTH_MIN = 24
/** Two are valid at once, so that one can be replaced while the other is in use. */
const ADMIN_KEYS_MAX = 2

/** The keys that ADMIN_API_KEY holds. */
export const adminKeysOf = (text: string): string[] => text.split(/[\s,]+/).filter((key) => key !== "")

const isAdminKey = (key: string): boolean => key.length >= ADMIN_KEY_LENGTH_MIN && /^[\x21-\x7e]+$/.test(key)

const adminKeys = z.string().refine((text) => {
  const keys = adminKeysOf(text)
  return keys.length >= 1 && keys.length <= ADMIN_KEYS_MAX && keys.every(isAdminKey)
}, `must be one key or two, separated by a comma or white space, each of at least ${ADMIN_KEY_LENGTH_MIN} visible ASCII characters`)

const queueUrl = url("http:", "https:")
const queueUrls = Object.fromEntries(QUEUE_VARIABLES.map((variable) => [variable, queueUrl]))

/** Every variable the functions read. `.env.example` describes them for people. */
const Environment = z.object({
  MYSQL_URL: url("mysql:"),
  REDIS_URL: url("redis:", "rediss:"),
  ELASTICSEARCH_URL: url("http:", "https:"),
  /** The alias that searches and index writes go through. */
  ELASTICSEARCH_INDEX: z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/)
    .default("messages"),
  ELASTICSEARCH_API_KEY: z.string().min(1).optional(),
  /** Only for an emulator, whose queues are found by their names; in the cloud their variables say where they are. */
  SQS_ENDPOINT: url("http:", "https:").optional(),
  /** Whether writes are answered before their events are sent: only where the process lives on after an answer. */
  ANSWER_BEFORE_SEND: z.stringbool().default(false),
  AWS_REGION: z.string().min(1).default("us-east-1"),
  ...(queueUrls as Record<QueueVariable, typeof queueUrl>),
  /**
   * Events one shard's outbox may hold. It is also the fence: a number given is never more than this above the
   * highest one persisted, so it must never be lowered while numbers are given.
   */
  OUTBOX_EVENTS_MAX: positive(200_000),
  /** Bytes of events one shard's outbox may hold (64 MiB), so that a flood cannot fill Redis. */
  OUTBOX_BYTES_MAX: positive(64 * 1024 * 1024),
  /** What creating, listing, changing and deleting applications needs; unset, anyone may. */
  ADMIN_API_KEY: adminKeys.optional(),
  /** Where clients reach the API; unset, where each of them says that it does (lib/http/reply/base-url.ts). */
  PUBLIC_URL: url("http:", "https:").optional(),
  /** The origins whose pages may administer applications (lib/http/reply/cors.ts). */
  CORS_ORIGINS: z
    .string()
    .refine(
      (text) => corsOriginsOf(text).every(isOrigin),
      "must be origins such as https://admin.example.com, with no slash at their end, separated by commas or white space",
    )
    .optional(),
  /** Requests per minute of one application, and of one address within a shard; 0 for no limit. */
  RATE_LIMIT_APPLICATION: perMinute,
  RATE_LIMIT_ADDRESS: perMinute,
  /** How many proxies of ours each request passes; each appends the address that called it to X-Forwarded-For. */
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(TRUSTED_PROXIES_MAX).default(0),
})

export type Config = z.infer<typeof Environment>

/** In AWS Lambda, and not in an emulation of it, where the queues have an endpoint of their own. */
const isInCloud = ({ AWS_EXECUTION_ENV, SQS_ENDPOINT }: Record<string, string | undefined>): boolean =>
  SQS_ENDPOINT === undefined && (AWS_EXECUTION_ENV?.startsWith("AWS_Lambda_") ?? false)

/** Reads the configuration from `environment`. Throws one Error that names every variable that is missing or wrong. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""))
  const { SQS_ENDPOINT } = present
  const result = Environment.safeParse({ ...(SQS_ENDPOINT && queueUrlsAt(SQS_ENDPOINT)), ...present })
  const faults = result.error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? []
  if (isInCloud(present) && present.ADMIN_API_KEY === undefined)
    faults.push("ADMIN_API_KEY: is required in the cloud, since anyone could list the applications with their tokens")
  if (result.success && faults.length === 0) return result.data
  throw new Error(`Wrong configuration. ${faults.join("; ")}`)
}
