// The stores of one stage: a database with a user of its own, a database of Redis, and the shared Elasticsearch.
import { randomBytes } from "node:crypto"
import { createConnection } from "mysql2/promise"

/** Enough for a key of the API, and longer than anything that a log holds by chance. */
const SECRET_BYTES = 24

export const newSecret = (): string => randomBytes(SECRET_BYTES).toString("base64url")

/** The entries of a stage's secret. */
export type StageSecret = {
  MYSQL_URL: string
  REDIS_URL: string
  ELASTICSEARCH_URL: string
  ELASTICSEARCH_API_KEY: string
  ADMIN_API_KEY: string
}

export type Servers = { MYSQL_URL: string; REDIS_URL: string; ELASTICSEARCH_URL: string }

/** Runs statements as the user of the local server, who may do anything. */
export async function asAdministrator<T>(
  servers: Servers,
  run: (query: (statement: string) => Promise<unknown[]>) => Promise<T>,
): Promise<T> {
  const connection = await createConnection({ uri: servers.MYSQL_URL })
  try {
    return await run(async (statement) => (await connection.query(statement))[0] as unknown[])
  } finally {
    await connection.end()
  }
}

const databaseOf = (stage: string): string => `chat_${stage}`

/** Creates a user who may use the stage's database. Returns the URL to connect with. */
export async function createUser(servers: Servers, stage: string, user: string): Promise<string> {
  const password = newSecret()
  await asAdministrator(servers, async (query) => {
    await query(`create user ${user}@'127.0.0.1' identified by '${password}'`)
    await query(`grant all on ${databaseOf(stage)}.* to ${user}@'127.0.0.1'`)
  })
  const url = new URL(servers.MYSQL_URL)
  url.username = user
  url.password = password
  url.pathname = `/${databaseOf(stage)}`
  return url.href
}

/** Drops a user and ends its connections, as after a leak. */
export async function dropUser(servers: Servers, user: string): Promise<void> {
  await asAdministrator(servers, async (query) => {
    await query(`drop user ${user}@'127.0.0.1'`)
    const connections = await query(`select id from information_schema.processlist where user = '${user}'`)
    for (const { id } of connections as { id: number }[]) await query(`kill ${id}`)
  })
}

/** Creates the stage's database and user. Returns the entries of its secret; `redisDatabase` is its number in Redis. */
export async function createStageStores(servers: Servers, stage: string, redisDatabase: number): Promise<StageSecret> {
  await asAdministrator(servers, (query) =>
    query(`create database ${databaseOf(stage)} character set utf8mb4 collate utf8mb4_bin`),
  )
  const redis = new URL(servers.REDIS_URL)
  redis.pathname = `/${redisDatabase}`
  return {
    MYSQL_URL: await createUser(servers, stage, `${stage}_first`),
    REDIS_URL: redis.href,
    ELASTICSEARCH_URL: servers.ELASTICSEARCH_URL,
    ELASTICSEARCH_API_KEY: newSecret(),
    ADMIN_API_KEY: newSecret(),
  }
}
