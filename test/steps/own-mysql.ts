// A MariaDB of a test's own, with the settings that it needs.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createConnection, type RowDataPacket } from "mysql2/promise"
import { run } from "../../local/run.ts"
import { findProgram } from "../../local/services/install.ts"
import { eventually } from "./eventually.ts"

/** A server starts within seconds, and tens of them on a busy machine. */
export const MYSQL_START_LIMIT_MS = 120_000
/** Any: only this machine reaches the servers. */
export const PASSWORD = "replicates"

/** Grants all, as to the user of the other native servers; a replica may be told to stop and to lag. */
const INIT = [
  "create database if not exists chat character set utf8mb4 collate utf8mb4_bin;",
  ...["127.0.0.1", "localhost"].flatMap((host) => [
    `create user if not exists chat@'${host}' identified by '${PASSWORD}';`,
    `grant all on *.* to chat@'${host}';`,
  ]),
]

const asRoot = process.getuid?.() === 0 ? ["--user=root"] : []

export const urlAt = (port: number, host = "127.0.0.1") => `mysql://chat:${PASSWORD}@${host}:${port}/chat`

/** Makes a data folder, whose parent must exist. */
export async function makeData(data: string): Promise<void> {
  const init = ["--no-defaults", ...asRoot, `--datadir=${data}`, "--skip-test-db", "--skip-name-resolve"]
  await run(findProgram("mariadb-install-db") ?? "mariadb-install-db", init)
  await writeFile(join(data, "init.sql"), `${INIT.join("\n")}\n`)
}

/** Starts a server on 127.0.0.1, and waits until it answers. */
export async function startMysql(data: string, port: number, settings: string[]): Promise<ChildProcess> {
  const args = [
    ...["--no-defaults", ...asRoot, `--datadir=${data}`, `--tmpdir=${data}`, `--init-file=${join(data, "init.sql")}`],
    ...[`--port=${port}`, "--bind-address=127.0.0.1", "--socket=mysqld.sock", `--pid-file=${join(data, "pid")}`],
    ...["--skip-name-resolve", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"],
    ...["--default-time-zone=+00:00", "--innodb-buffer-pool-size=32M", ...settings],
  ]
  const server = spawn(findProgram("mariadbd") ?? "mariadbd", args, { stdio: "ignore" })
  await once(server, "spawn")
  await eventually(() => askMysql(urlAt(port), "select 1"), MYSQL_START_LIMIT_MS)
  return server
}

export async function killMysql(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, "exit")
  server.kill("SIGKILL")
  await ended
}

/** Runs statements on a connection of their own. Returns the rows of the last. */
export async function askMysql(url: string, ...statements: string[]): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url, connectTimeout: 1_000 })
  try {
    let rows: unknown
    for (const statement of statements) [rows] = await connection.query(statement)
    return rows as RowDataPacket[]
  } finally {
    await connection.end()
  }
}
