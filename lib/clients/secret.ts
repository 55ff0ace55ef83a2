/**
 * DESIGN. The secret holds the stores' URLs and the keys. It is read when a process starts, again after two minutes of
 * use, and sooner when a login or key was refused, which may mean that it was rotated. So a new value is in use within
 * minutes without a deployment. While Secrets Manager is away, the values that were read last stay in use.
 */
import * as z from "zod"
import { DependencyAway } from "../errors.ts"
import { describeError, log } from "../log.ts"
import { connectAws } from "./aws-call.ts"

/** A small part of the five minutes within which a new value must be in use. Each read of each instance is paid for. */
const REFRESH_MS = 120_000
/** The least time between two reads, so that wrong keys cannot make each request wait for one. */
const READ_AGAIN_MS = 10_000
/** A read takes some ten milliseconds, and more on a connection's first use. */
const READ_TIMEOUT_MS = 1_500

export type SecretValues = Readonly<Record<string, string>>
export type Secret = {
  /** Returns the values, the same object until one has changed. Throws DependencyAway if they have never been read. */
  read(): Promise<SecretValues>
  /** Makes the next read ask again, unless the last one was just now. */
  doubt(): void
}

/** Returns a reader of the secret with this ARN. https://docs.aws.amazon.com/secretsmanager/latest/apireference */
export function openSecret(arn: string): Secret {
  const [, , , region = ""] = arn.split(":")
  const { AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL } = process.env
  const endpoint = AWS_ENDPOINT_URL_SECRETS_MANAGER ?? AWS_ENDPOINT_URL
  const client = connectAws({ service: "secretsmanager", region, target: "secretsmanager", json: "1.1" })
  return keepSecret(async () => {
    const options = { timeoutMs: READ_TIMEOUT_MS, endpoint }
    const { SecretString } = await client.call<{ SecretString?: string }>("GetSecretValue", { SecretId: arn }, options)
    return SecretString ?? ""
  })
}

/** Returns a secret that `fetchText` reads. */
export function keepSecret(fetchText: () => Promise<string>): Secret {
  let known: { text: string; values: SecretValues } | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let doubted = false
  let underWay: Promise<void> | undefined

  async function refresh(): Promise<void> {
    // The wall clock goes on while an instance is frozen.
    readAt = Date.now()
    doubted = false
    try {
      const text = await fetchText()
      if (text !== known?.text) known = { text, values: parseSecret(text) }
    } catch (error) {
      log.warn("the secret cannot be read", { error: describeError(error, 0) })
      if (known === undefined) throw new DependencyAway("secretsmanager", error)
    }
  }

  function isDue(): boolean {
    const ageMs = Math.abs(Date.now() - readAt)
    return known === undefined || ageMs > REFRESH_MS || (doubted && ageMs > READ_AGAIN_MS)
  }

  return {
    async read() {
      if (isDue()) underWay ??= refresh().finally(() => (underWay = undefined))
      await underWay
      if (known === undefined) throw new DependencyAway("secretsmanager", new Error("it was not read"))
      return known.values
    },
    doubt() {
      doubted = true
    },
  }
}

/** Returns the members of a secret's JSON object that are text. */
function parseSecret(text: string): SecretValues {
  try {
    const members = Object.entries(z.record(z.string(), z.unknown()).parse(JSON.parse(text)))
    return Object.fromEntries(members.filter((member): member is [string, string] => typeof member[1] === "string"))
  } catch {
    // The error would quote the secret.
    throw new Error("the secret is not a JSON object")
  }
}
