/**
 * DESIGN. Calls of AWS services that speak JSON, without the SDK: importing it takes longer than everything else that a
 * creation does in a new process (docs/decisions/0018-cold-start.md). Promised: a call ends within its time-out, which
 * includes connecting and the whole answer. May happen twice: a call on an idle connection that the server was closing.
 * Absent: other repetitions, redirects, and credentials from outside the environment, where AWS Lambda puts them.
 */
import * as http from "node:http"
import * as https from "node:https"
import { type AwsCredentials, createSigner } from "./aws-signature.ts"

/** Enough for parallel sends, polls and readiness checks; each idle socket costs the server a descriptor. */
const CONNECTIONS = { keepAlive: true, maxSockets: 32 }

export type AwsService = {
  /** The name in hosts and signatures, such as `sqs`. */
  service: string
  region: string
  /** What precedes the operation in X-Amz-Target, such as `AmazonSQS`. */
  target: string
  /** The version of the JSON protocol that the service speaks. */
  json: "1.0" | "1.1"
  /** Unless given, those of the environment, read at each call. */
  credentials?: AwsCredentials | undefined
}
type CallOptions = {
  timeoutMs: number
  /** A URL of which only scheme, host and port are used; unless given, that of the service in its region. */
  endpoint?: string | undefined
}
export type AwsClient = {
  /** Calls an operation and returns its answer. Throws AwsError for an error that AWS answers, or the socket's error. */
  call<Answer>(operation: string, input: object, options: CallOptions): Promise<Answer>
  close(): void
}

/** Says which error AWS answered: its status, its type as `code`, such as AccessDeniedException, and its message. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, status: number, message: string) {
    super(message)
    this.name = "AwsError"
    this.code = code
    this.status = status
  }
}

export function connectAws({ service, region, target, json, credentials }: AwsService): AwsClient {
  const agents = { "http:": new http.Agent(CONNECTIONS), "https:": new https.Agent(CONNECTIONS) }
  const type = `application/x-amz-json-${json}`
  const sign = createSigner({ service, region, credentials: () => credentials ?? environmentCredentials() })
  const own = `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`
  return {
    async call<Answer>(operation: string, input: object, { timeoutMs, endpoint = own }: CallOptions) {
      const url = new URL("/", endpoint)
      const body = JSON.stringify(input)
      const unsigned = { host: url.host, "content-type": type, "x-amz-target": `${target}.${operation}` }
      const deadline = performance.now() + timeoutMs
      const headers = await sign(url, unsigned, body)
      const agent = agents[url.protocol === "http:" ? "http:" : "https:"]
      for (;;) {
        const answered = await exchange(url, { method: "POST", headers, agent }, body, deadline - performance.now())
        if (answered !== "closed while idle") return read<Answer>(answered)
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

function environmentCredentials(): AwsCredentials {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) throw new Error("the environment has no credentials of AWS")
  const token = AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}
  return { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, ...token }
}

type Answered = { status: number; text: string }

/** Sends a request and returns the whole answer, unless the server had closed the connection, which was kept. */
function exchange(url: URL, options: http.RequestOptions, body: string, timeoutMs: number) {
  return new Promise<Answered | "closed while idle">((resolve, reject) => {
    const request = (url.protocol === "http:" ? http : https).request(url, options)
    const timer = setTimeout(() => {
      reject(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }))
      request.destroy()
    }, timeoutMs)
    let [status, text] = [0, ""]
    request.on("error", (error: NodeJS.ErrnoException) => {
      const wasClosed = error.code === "ECONNRESET" || error.code === "EPIPE"
      if (request.reusedSocket && wasClosed && status === 0) resolve("closed while idle")
      else reject(error)
    })
    request.on("response", (response) => {
      status = response.statusCode ?? 0
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part
      })
      response.on("end", () => resolve({ status, text })).on("error", reject)
    })
    request.on("close", () => clearTimeout(timer)).end(body)
  })
}

type Problem = { __type?: string; message?: string; Message?: string }

/** Returns a call's answer. Throws AwsError with the first line of the message, since others may repeat headers. */
function read<Answer>({ status, text }: Answered): Answer {
  const parsed = parseJson(text)
  if (status === 200 && parsed !== undefined) return parsed as Answer
  const { __type, message, Message } = (parsed ?? {}) as Problem
  const [told = ""] = (message ?? Message ?? "").split("\n")
  throw new AwsError(__type?.replace(/^.*#/, "") ?? "HTTP", status, told || `AWS answered with status ${status}`)
}

function parseJson(text: string): object | undefined {
  try {
    return JSON.parse(text) as object
  } catch {
    return undefined
  }
}
