import { createHmac, hash } from "node:crypto"

const ALGORITHM = "AWS4-HMAC-SHA256"

export type AwsCredentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined }
export type Signing = { service: string; region: string; credentials: AwsCredentials }

const sha256 = (text: string): string => hash("sha256", text, "hex")
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

/**
 * Returns the headers of a POST to the path `/`, whose names are lower case, with its signature (AWS Signature Version
 * 4). It is valid for 15 minutes.
 */
export function signed(headers: Record<string, string>, body: string, { service, region, credentials }: Signing) {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "")
  const digest = sha256(body)
  const token = sessionToken && { "x-amz-security-token": sessionToken }
  const all = { ...headers, "x-amz-content-sha256": digest, "x-amz-date": time, ...token }
  const sorted = Object.entries(all).toSorted(([one], [other]) => (one < other ? -1 : 1))
  const names = sorted.map(([name]) => name).join(";")
  const lines = sorted.map(([name, value]) => `${name}:${value}\n`).join("")
  const request = ["POST", "/", "", lines, names, digest].join("\n")
  const parts = [time.slice(0, 8), region, service, "aws4_request"]
  const scope = parts.join("/")
  const key = parts.reduce((made: string | Buffer, part) => hmac(made, part), `AWS4${secretAccessKey}`)
  const signature = hmac(key, [ALGORITHM, time, scope, sha256(request)].join("\n")).toString("hex")
  const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return { ...all, authorization }
}
