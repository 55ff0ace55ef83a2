// A MySQL of a test's own (natively: MariaDB) and a reader that replicates from it, which the test may stop, delay and kill.
import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "@jest/globals"
import { connectMysql } from "../../lib/clients/mysql.ts"
import { migrateUp } from "../../lib/operate/prepare-stores.ts"
import { freePorts, releasePorts } from "../../local/services/free-ports.ts"
import { askMysql, killMysql, MYSQL_START_LIMIT_MS, makeData, PASSWORD, startMysql, urlAt } from "./own-mysql.ts"

const CATCH_UP_SECONDS = 20

const WRITER = ["--server-id=1", "--log-bin=binlog", "--binlog-format=ROW"]
const READER = ["--server-id=2", "--skip-slave-start"]

export type MysqlPair = Awaited<ReturnType<typeof startMysqlPair>>

async function startMysqlPair() {
  const folder = await mkdtemp(join(tmpdir(), "chat-mysql-pair-"))
  const [writerData, readerData] = [join(folder, "writer"), join(folder, "reader")]
  await makeData(writerData)
  await cp(writerData, readerData, { recursive: true })
  const ports = await freePorts(2)
  const [writerPort = 0, readerPort = 0] = ports
  const [writerUrl, readerUrl] = [urlAt(writerPort), urlAt(readerPort)]
  const writer = await startMysql(writerData, writerPort, WRITER)
  let reader = await startMysql(readerData, readerPort, READER)
  const source = `master_host = '127.0.0.1', master_port = ${writerPort}, master_user = 'chat', master_password = '${PASSWORD}'`
  await askMysql(readerUrl, `change master to ${source}, master_use_gtid = slave_pos`, "start slave")
  const { db, close } = connectMysql(writerUrl)
  await migrateUp(db).finally(close)
  return {
    writerUrl,
    readerUrl,
    stop: () => askMysql(readerUrl, "stop slave sql_thread"),
    go: () => askMysql(readerUrl, "start slave"),
    lag: (seconds: number) =>
      askMysql(readerUrl, "stop slave", `change master to master_delay = ${seconds}`, "start slave"),
    /** Waits until the reader has all that the writer has. */
    async catchUp() {
      const [position] = await askMysql(writerUrl, "select @@global.gtid_binlog_pos as gtid")
      const wait = `select master_gtid_wait('${position?.gtid}', ${CATCH_UP_SECONDS}) as missed`
      const [waited] = await askMysql(readerUrl, wait)
      if (waited?.missed !== 0) throw new Error("the reader does not catch up")
    },
    killReader: () => killMysql(reader),
    async restartReader() {
      reader = await startMysql(readerData, readerPort, READER)
      await askMysql(readerUrl, "start slave")
    },
    async remove() {
      await Promise.all([killMysql(writer), killMysql(reader)])
      releasePorts(ports)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs one pair, with the tables, for all tests of a file. */
export function useMysqlPair(): () => MysqlPair {
  let pair: MysqlPair | undefined
  beforeAll(async () => {
    pair = await startMysqlPair()
  }, MYSQL_START_LIMIT_MS)
  afterAll(() => pair?.remove())
  return () => {
    if (!pair) throw new Error("the pair exists only in tests and after beforeAll")
    return pair
  }
}
