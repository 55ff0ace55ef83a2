// TLS to MySQL, as the URL asks for it: with which certificates of the server a client goes on.
import type { ChildProcess } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { sql } from "kysely"
import { connectMysql } from "../../lib/clients/mysql.ts"
import { type Certificates, makeCertificates } from "../../local/services/certificates.ts"
import { freePorts, releasePorts } from "../../local/services/free-ports.ts"
import { killMysql, MYSQL_START_LIMIT_MS, makeData, startMysql, urlAt } from "../steps/own-mysql.ts"

/** Servers with certificates for this machine, and for another one. */
const NAMES = { here: undefined, elsewhere: "DNS:elsewhere.example" }
type Which = keyof typeof NAMES

let folder: string
let ports: number[]
const servers: ChildProcess[] = []
const certificates = {} as Record<Which, Certificates>
const portOf = {} as Record<Which, number>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-mysql-tls-"))
  ports = await freePorts(2)
  for (const [index, which] of (Object.keys(NAMES) as Which[]).entries()) {
    const made = await makeCertificates(join(folder, `certificates-${which}`), NAMES[which])
    await makeData(join(folder, which))
    const { authorityFile, certificateFile, keyFile } = made
    const settings = [`--ssl-ca=${authorityFile}`, `--ssl-cert=${certificateFile}`, `--ssl-key=${keyFile}`]
    servers.push(await startMysql(join(folder, which), ports[index] as number, settings))
    certificates[which] = made
    portOf[which] = ports[index] as number
  }
}, MYSQL_START_LIMIT_MS)

afterAll(async () => {
  await Promise.all(servers.map(killMysql))
  releasePorts(ports)
  await rm(folder, { recursive: true, force: true })
})

/** Returns the cipher of a connection by name, "" without TLS. */
async function cipherOf(which: Which, ssl?: object | string): Promise<string> {
  const query =
    ssl === undefined ? "" : `?ssl=${encodeURIComponent(typeof ssl === "string" ? ssl : JSON.stringify(ssl))}`
  const { db, close } = connectMysql(`${urlAt(portOf[which], "localhost")}${query}`)
  try {
    const { rows } = await sql<{ Value: string }>`show session status like 'Ssl_cipher'`.execute(db)
    return rows[0]?.Value ?? ""
  } finally {
    await close()
  }
}

const trusting = (which: Which) => ({ ca: certificates[which].authority })

test("a URL without ssl: is not encrypted", async () => {
  expect(await cipherOf("here")).toBe("")
})

test("a certificate of a known authority for the host of the URL: is taken", async () => {
  expect(await cipherOf("here", trusting("here"))).toMatch(/^TLS|GCM|CHACHA/)
})

test("a certificate of an unknown authority: is refused, unless the URL says that any will do", async () => {
  await expect(cipherOf("here", {})).rejects.toThrow(/certificate/)
  expect(await cipherOf("here", { rejectUnauthorized: false })).not.toBe("")
})

test("a certificate of a known authority for another host: is refused, unless the URL says that any host will do", async () => {
  await expect(cipherOf("elsewhere", trusting("elsewhere"))).rejects.toThrow(/altnames/)
  expect(await cipherOf("elsewhere", { ...trusting("elsewhere"), verifyIdentity: false })).not.toBe("")
})
