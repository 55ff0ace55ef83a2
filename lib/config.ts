import { z } from "zod"

const url = (...protocols: string[]) =>
  z
    .url()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL with ${protocols.join(" or ")}`,
    )

const positive = (fallback: number) => z.coerce.number().int().positive().default(fallback)

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
  /** Only for an emulator: in the cloud the region says where the queues are. */
  SQS_ENDPOINT: url("http:", "https:").optional(),
  AWS_REGION: z.string().min(1).default("us-east-1"),
  PERSIST_QUEUE_URL: url("http:", "https:"),
  PERSIST_DEAD_LETTER_QUEUE_URL: url("http:", "https:"),
  INDEX_QUEUE_URL: url("http:", "https:"),
  INDEX_DEAD_LETTER_QUEUE_URL: url("http:", "https:"),
  /**
   * Events one shard's outbox may hold. It is also the fence: a number given is never more than this above the
   * highest one persisted, so it must never be lowered while numbers are given.
   */
  OUTBOX_EVENTS_MAX: positive(200_000),
  /** Bytes of events one shard's outbox may hold (64 MiB), so that a flood cannot fill Redis. */
  OUTBOX_BYTES_MAX: positive(64 * 1024 * 1024),
})

export type Config = z.infer<typeof Environment>

/** Reads the configuration from `environment`. Throws one Error that names every variable that is missing or wrong. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""))
  const result = Environment.safeParse(present)
  if (result.success) return result.data
  const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`)
  throw new Error(`Wrong configuration. ${faults.join("; ")}`)
}
