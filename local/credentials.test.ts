// Where the operator's commands find credentials of AWS.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "@jest/globals"
import type { Config } from "../lib/config.ts"
import { loadCredentials } from "./credentials.ts"

const PROFILE =
  "[operator]\naws_access_key_id = of-profile\naws_secret_access_key = secret\naws_session_token = token\n"
const environment = { ...process.env }
let folder: string

const inCloud = { AWS_REGION: "us-east-1" } as Config
const given = () => [process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY, process.env.AWS_SESSION_TOKEN]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-backend-aws-"))
  await writeFile(join(folder, "credentials"), PROFILE)
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name]
  process.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, "credentials")
  process.env.AWS_CONFIG_FILE = join(folder, "config")
  process.env.AWS_EC2_METADATA_DISABLED = "true"
  process.env.AWS_PROFILE = "operator"
})

afterEach(async () => {
  process.env = { ...environment }
  await rm(folder, { recursive: true, force: true })
})

test("a profile: is put into the environment", async () => {
  await loadCredentials(inCloud)
  expect(given()).toEqual(["of-profile", "secret", "token"])
})

test("a profile that does not exist: leaves the environment as it is", async () => {
  process.env.AWS_PROFILE = "nobody"
  await loadCredentials(inCloud)
  expect(given()).toEqual([undefined, undefined, undefined])
})

test("an emulator, or credentials that are there: need no profile", async () => {
  await loadCredentials({ ...inCloud, SQS_ENDPOINT: "http://127.0.0.1:1" })
  expect(given()).toEqual([undefined, undefined, undefined])
  process.env.AWS_ACCESS_KEY_ID = "own"
  await loadCredentials(inCloud)
  expect(given()).toEqual(["own", undefined, undefined])
})
