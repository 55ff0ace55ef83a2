// The settings of each connection to MySQL, on any server.
import { expect, test } from "@jest/globals"
import { sql } from "kysely"
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
