// The settings of each connection to MySQL, on any server.
import { expect, test } from "@jest/globals"
import { sql } from "kysely"
import { connectMysql } from "../../lib/clients/mysql.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

test("a connection reads what is committed, is strict, and neither waits for a lock nor idles for long", async () => {
  const { rows } = await sql<{ Variable_name: string; Value: string }>`
    show session variables where Variable_name in
      ('transaction_isolation', 'tx_isolation', 'sql_mode', 'innodb_lock_wait_timeout', 'wait_timeout')
  `.execute(stores().mysql)
  const {
    tx_isolation,
    transaction_isolation = tx_isolation,
    ...others
  } = Object.fromEntries(rows.map(({ Variable_name, Value }) => [Variable_name, Value]))
  expect(transaction_isolation).toBe("READ-COMMITTED")
  expect(others).toEqual({
    sql_mode: "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
    innodb_lock_wait_timeout: "3",
    wait_timeout: "30",
  })
})

/** Returns how many statements that set a variable a new connection has sent, where the server has this lock time-out. */
async function settingsSent(lockTimeoutSeconds: number): Promise<number> {
  const server = stores().mysql
  const { rows } = await sql<{ seconds: number }>`select @@global.innodb_lock_wait_timeout as seconds`.execute(server)
  await sql`set global innodb_lock_wait_timeout = ${sql.lit(lockTimeoutSeconds)}`.execute(server)
  const { db, close } = connectMysql(stores().config.MYSQL_URL)
  try {
    // The connection's first statement may overtake the last setting, but not the second.
    return await db.connection().execute(async (connection) => {
      await sql`select 1`.execute(connection)
      const sent = await sql<{ Value: string }>`show session status like 'Com_set_option'`.execute(connection)
      const own = await sql<{ seconds: number }>`select @@innodb_lock_wait_timeout as seconds`.execute(connection)
      expect(own.rows[0]?.seconds).toBe(3)
      return Number(sent.rows[0]?.Value)
    })
  } finally {
    await close()
    await sql`set global innodb_lock_wait_timeout = ${sql.lit(rows[0]?.seconds ?? 50)}`.execute(server)
  }
}

test("a connection sets the lock time-out only where the server has another, since RDS Proxy pins a session that does", async () => {
  expect((await settingsSent(50)) - (await settingsSent(3))).toBe(1)
})

/** Returns how many connections serve many statements at once. */
async function connectionsUsed(): Promise<number> {
  const { db, close } = connectMysql(stores().config.MYSQL_URL, { watch: () => undefined })
  try {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        sql<{ id: number }>`select connection_id() as id, sleep(0.1) as slept`.execute(db),
      ),
    )
    return new Set(answers.map(({ rows }) => rows[0]?.id)).size
  } finally {
    await close()
  }
}

test("many statements at once use up to sixteen connections, and four in AWS Lambda, though not in an emulator of it", async () => {
  const { AWS_EXECUTION_ENV, SQS_ENDPOINT } = process.env
  try {
    expect(await connectionsUsed()).toBe(16)
    process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs24.x"
    expect(await connectionsUsed()).toBe(16)
    delete process.env.SQS_ENDPOINT
    expect(await connectionsUsed()).toBe(4)
  } finally {
    process.env.SQS_ENDPOINT = SQS_ENDPOINT
    if (AWS_EXECUTION_ENV === undefined) delete process.env.AWS_EXECUTION_ENV
    else process.env.AWS_EXECUTION_ENV = AWS_EXECUTION_ENV
  }
})
