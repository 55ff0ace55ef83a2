import * as z from "zod"
import { isInCloud } from "./in-cloud.ts"
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

/** More than one Redis can serve; at this limit a request still takes 60 whole µs of its bucket. */
const RATE_LIMIT_MAX = 1_000_000
const perMinute = z.coerce.number().int().min(0).max(RATE_LIMIT_MAX).default(0)
/** More than any real chain: a CDN, a load balancer and a proxy are three. */
const TRUSTED_PROXIES_MAX = 10

/** A shorter one would be shorter than a transaction's way to a reader. */
const READER_LAG_MIN_MS = 100
/** A reader that lags by more is out of order; and the relay sends what is retained for longer again. */
const READER_LAG_MAX_MS = 60_000
/** Aurora's readers lag by less than 100 ms, a replica by more while it works off a large transaction. */
const READER_LAG_MS = 2_000

/** Too long to guess: 24 base64 characters are 144 bits. */
const ADMIN_KEY_LENGTH_MIN = 24
/** Two may be valid at once, so that one can be replaced while in use. */
const ADMIN_KEYS_MAX = 2

/** Returns the keys in the text of ADMIN_API_KEY. */
export const adminKeysOf = (text: string): string[] => text.split(/[\s,]+/).filter((key) => key !== "")

const isAdminKey = (key: string): boolean => key.length >= ADMIN_KEY_LENGTH_MIN && /^[\x21-\x7e]+$/.test(key)

const adminKeys = z.string().refine((text) => {
  const keys = adminKeysOf(text)
  return keys.length >= 1 && keys.length <= ADMIN_KEYS_MAX && keys.every(isAdminKey)
}, `must be one key or two, separated by a comma or white space, each of at least ${ADMIN_KEY_LENGTH_MIN} visible ASCII characters`)

const queueUrl = url("http:", "https:")
const queueUrls = Object.fromEntries(QUEUE_VARIABLES.map((variable) => [variable, queueUrl]))

/** Every variable the functions read; `.env.example` explains them. */
const Environment = z.object({
  MYSQL_URL: url("mysql:"),
  /** A reader endpoint or replica of that MySQL, for what clients read (lib/stored-reads.ts). */
  MYSQL_READER_URL: url("mysql:").optional(),
  /** How far the reader may lag, in ms: a stored event stays in the outbox for as long (lib/outbox/retention.ts). */
  MYSQL_READER_LAG_MS: z.coerce.number().int().min(READER_LAG_MIN_MS).max(READER_LAG_MAX_MS).optional(),
  REDIS_URL: url("redis:", "rediss:"),
  ELASTICSEARCH_URL: url("http:", "https:"),
  /** The alias that searches and index writes go through. */
  ELASTICSEARCH_INDEX: z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/)
    .default("messages"),
  ELASTICSEARCH_API_KEY: z.string().min(1).optional(),
  /** Set only for an emulator, whose queues are found by name; in the cloud each queue has its URL variable. */
  SQS_ENDPOINT: url("http:", "https:").optional(),
  /** Whether writes are answered before their events are sent. Safe only where the process outlives the answer. */
  ANSWER_BEFORE_SEND: z.stringbool().default(false),
  AWS_REGION: z.string().min(1).default("us-east-1"),
  ...(queueUrls as Record<QueueVariable, typeof queueUrl>),
  /**
   * Events that one shard's outbox may hold. It is also the fence: no number given exceeds the highest one persisted by
   * more than this, so it must never be lowered while numbers are given.
   */
  OUTBOX_EVENTS_MAX: positive(200_000),
  /** Bytes of events that one shard's outbox may hold, so that a flood cannot fill Redis. */
  OUTBOX_BYTES_MAX: positive(64 * 1024 * 1024),
  /** Required to create, list, change and delete applications; unset, anyone may. */
  ADMIN_API_KEY: adminKeys.optional(),
  /** The URL at which clients reach the API; unset, it is taken from their requests (lib/http/reply/base-url.ts). */
  PUBLIC_URL: url("http:", "https:").optional(),
  /** The origins whose pages may administer applications (lib/http/reply/cors.ts). */
  CORS_ORIGINS: z
    .string()
    .refine(
      (text) => corsOriginsOf(text).every(isOrigin),
      "must be origins such as https://admin.example.com, with no slash at their end, separated by commas or white space",
    )
    .optional(),
  /** Requests per minute of one application, and of one address within a shard; 0 means no limit. */
  RATE_LIMIT_APPLICATION: perMinute,
  RATE_LIMIT_ADDRESS: perMinute,
  /** Our own proxies on the way of a request; each appends its caller's address to X-Forwarded-For. */
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(TRUSTED_PROXIES_MAX).default(0),
})

export type Config = z.infer<typeof Environment>

/**
 * Returns for how many ms stored events stay in the outbox: undefined without a reader. The lag may be set alone, so
 * that every function retains before the first one reads from the reader.
 */
export const retentionOf = ({ MYSQL_READER_URL, MYSQL_READER_LAG_MS }: Config): number | undefined =>
  MYSQL_READER_LAG_MS ?? (MYSQL_READER_URL === undefined ? undefined : READER_LAG_MS)

/** Reads the configuration from `environment`. Throws one Error that names every missing or wrong variable. */
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
