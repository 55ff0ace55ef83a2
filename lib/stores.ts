import type { Client } from "@elastic/elasticsearch"
import type { Breaker } from "./clients/breaker.ts"
import type { Mysql } from "./clients/mysql.ts"
import type { RedisClient } from "./clients/redis.ts"
import type { SqsClient } from "./clients/sqs.ts"
import type { Config } from "./config.ts"
import type { Outbox } from "./outbox/outbox.ts"
import type { Queues } from "./queue/queue.ts"
import type { Origin } from "./trace.ts"

/** The dependencies of every function: built once by runtime.ts, passed in everywhere else. */
export type Stores = {
  config: Config
  /** Absent if nothing needs a key. */
  adminKeys?: readonly string[]
  mysql: Mysql
  /** A reader of that MySQL, which lags; absent if there is none. Only lib/stored-reads.ts and lib/changes/ ask it. */
  mysqlReader?: Mysql
  redis: RedisClient
  outbox: Outbox
  sqs: SqsClient
  queues: Queues
  /** The request that they serve, if they serve one. */
  origin?: Origin
}

/** Adds what searching and indexing need: see lib/search-runtime.ts. */
export type SearchStores = Stores & {
  elasticsearch: Client
  /** Guards searches; index writes are few at a time and wait for each answer. */
  searchBreaker: Breaker
}
