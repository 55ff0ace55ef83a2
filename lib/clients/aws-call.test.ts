// Calls to servers of this process, which answer as AWS, wrongly, or not at all.
import { once } from "node:events"
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from "node:http"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { SQSClient } from "@aws-sdk/client-sqs"
import { afterEach, describe, expect, test } from "@jest/globals"
import { type AwsClient, AwsError, connectAws } from "./aws-call.ts"

const TIMEOUT_MS = 200
const AT_ONCE_MS = 5_000
const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
const QUEUES = { service: "sqs", region: "eu-west-1", target: "AmazonSQS", json: "1.0" } as const
const SECRETS = { service: "secretsmanager", region: "us-east-1", target: "secretsmanager", json: "1.1" } as const
/** A successful answer, after which the connection stays open. */
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"a":true}'

const closers: (() => void)[] = []
const environment = { ...process.env }
afterEach(() => {
  for (const close of closers.splice(0)) close()
  process.env = { ...environment }
})

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening")
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a server that treats its connections, counted from 1, and their data as told. Returns its URL. */
async function serve(onData: (socket: Socket, connection: number, request: number) => void): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const connection = sockets.push(socket)
    let requests = 0
    socket.on("error", () => undefined).on("data", () => onData(socket, connection, ++requests))
  })
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return listen(server)
}

async function serveHttp(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener)
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return listen(server)
}

function connect(options: Partial<Parameters<typeof connectAws>[0]> = {}): AwsClient {
  const client = connectAws({ ...QUEUES, credentials: CREDENTIALS, ...options })
  closers.push(client.close)
  return client
}

type Received = { method: string | undefined; path: string | undefined; headers: IncomingHttpHeaders; body: string }

/** Makes a call and returns the request as the server received it. */
async function receivedOf(client: AwsClient, operation: string, input: object): Promise<Received> {
  const received: Received[] = []
  const endpoint = await serveHttp(async (request, response) => {
    const { method, url: path, headers } = request
    received.push({ method, path, headers, body: await text(request) })
    response.end("{}")
  })
  await client.call(operation, input, { timeoutMs: AT_ONCE_MS, endpoint: `${endpoint}/000000000000/a-queue` })
  return received[0] as Received
}

/** Returns the Authorization that the SDK gives to a received request. */
async function authorizationBySdk(
  { headers, body }: Received,
  { service, region, credentials }: { service: string; region: string; credentials: object },
) {
  const { config } = new SQSClient({ region, credentials: credentials as typeof CREDENTIALS })
  const signer = await config.signer({ name: "sigv4", signingName: service, signingRegion: region, properties: {} })
  const [hostname = "", port] = headers.host?.split(":") ?? []
  const names = Object.keys(headers).filter((name) => name === "host" || /^(x-amz-|content-type)/.test(name))
  const request = {
    method: "POST",
    protocol: "http:",
    hostname,
    port: Number(port),
    path: "/",
    query: {},
    headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
    body,
  }
  const time = String(headers["x-amz-date"]).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z")
  const signed = await signer.sign(request as never, { signingDate: new Date(time) })
  return (signed as unknown as { headers: Record<string, string> }).headers.authorization
}

describe("a call", () => {
  test.each([
    { service: QUEUES, sessionToken: undefined },
    { service: SECRETS, sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE==" },
  ])("of $service.service: arrives as the SDK would sign it", async ({ service, sessionToken }) => {
    const credentials = { ...CREDENTIALS, ...(sessionToken && { sessionToken }) }
    const input = { SecretId: "grüße/𝄞", list: [1, null] }
    const received = await receivedOf(connect({ ...service, credentials }), "Operate", input)
    expect(received).toMatchObject({ method: "POST", path: "/", body: JSON.stringify(input) })
    expect(received.headers).toMatchObject({
      "content-type": `application/x-amz-json-${service.json}`,
      "x-amz-target": `${service.target}.Operate`,
    })
    expect(received.headers["x-amz-security-token"]).toBe(sessionToken)
    expect(received.headers.authorization).toBe(await authorizationBySdk(received, { ...service, credentials }))
  })

  test("without credentials of its own: takes those that the environment has then", async () => {
    const client = connect({ credentials: undefined })
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "one", AWS_SECRET_ACCESS_KEY: "two", AWS_SESSION_TOKEN: "three" })
    const { headers } = await receivedOf(client, "Operate", {})
    expect(headers).toMatchObject({
      authorization: expect.stringContaining("Credential=one/"),
      "x-amz-security-token": "three",
    })
    delete process.env.AWS_ACCESS_KEY_ID
    await expect(client.call("Operate", {}, { timeoutMs: TIMEOUT_MS })).rejects.toThrow("no credentials")
  })
})

describe("an answer", () => {
  const answering = (status: number, body: string) =>
    serveHttp((_request, response) => response.writeHead(status).end(body))
  const failureOf = async (status: number, body: string) => {
    const endpoint = await answering(status, body)
    return connect()
      .call("Operate", {}, { timeoutMs: AT_ONCE_MS, endpoint })
      .catch((error: unknown) => error)
  }

  test("that succeeds: is returned", async () => {
    const endpoint = await answering(200, '{"Failed":[{"Id":"ä"}]}')
    const options = { timeoutMs: AT_ONCE_MS, endpoint }
    expect(await connect().call("Operate", {}, options)).toEqual({ Failed: [{ Id: "ä" }] })
  })

  test.each([
    [
      "a type",
      { __type: "com.amazonaws.sqs#QueueDoesNotExist", message: "It is gone." },
      "QueueDoesNotExist",
      "It is gone.",
    ],
    ["a message of several lines", { __type: "A", Message: "Wrong.\n\nx-amz-security-token:secret" }, "A", "Wrong."],
    ["no message", { __type: "AccessDenied", secret: 1 }, "AccessDenied", "AWS answered with status 400"],
  ])("that is an error with %s: tells type and message, no more", async (_what, body, code, message) => {
    const failure = (await failureOf(400, JSON.stringify(body))) as AwsError
    expect(failure).toBeInstanceOf(AwsError)
    expect({ ...failure, message: failure.message }).toEqual({ name: "AwsError", code, status: 400, message })
    expect(failure.stack).not.toContain("secret")
  })

  test.each([
    [502, "<html>Bad Gateway"],
    [200, "<html>Welcome"],
    [500, "null"],
  ])("of status %d that is no JSON object: is an error without the text", async (status, body) => {
    expect(await failureOf(status, body)).toMatchObject({ code: "HTTP", message: `AWS answered with status ${status}` })
  })
})

describe("a server", () => {
  const call = (endpoint: string, client = connect()) => client.call("Operate", {}, { timeoutMs: TIMEOUT_MS, endpoint })

  test.each([
    ["never answers", () => undefined],
    ["sends only the head", (socket: Socket) => socket.write(ANSWER.slice(0, 40))],
    ["sends only a part of the body", (socket: Socket) => socket.write(ANSWER.slice(0, -1))],
  ])("that %s: the call fails at its time-out", async (_how, onData) => {
    const endpoint = await serve(onData)
    const started = performance.now()
    await expect(call(endpoint)).rejects.toMatchObject({ code: "ETIMEDOUT" })
    expect(performance.now() - started).toBeGreaterThan(TIMEOUT_MS - 5)
    expect(performance.now() - started).toBeLessThan(AT_ONCE_MS)
  })

  test("that closes a connection while it is idle, which shows only at the next call: that call succeeds", async () => {
    const requests: string[] = []
    const endpoint = await serve((socket, connection, request) => {
      requests.push(`${connection}.${request}`)
      if (request === 2 && connection === 1) socket.destroy()
      else socket.write(ANSWER)
    })
    const client = connect()
    for (let calls = 0; calls < 3; calls++) expect(await call(endpoint, client)).toEqual({ a: true })
    expect(requests).toEqual(["1.1", "1.2", "2.1", "2.2"])
  })

  test("that has closed all idle connections: a call tries each once", async () => {
    let down = false
    const endpoint = await serve((socket, _connection, request) => {
      if (down && request > 1) socket.destroy()
      else setTimeout(() => socket.write(ANSWER), 20)
    })
    const client = connect()
    await Promise.all([call(endpoint, client), call(endpoint, client), call(endpoint, client)])
    down = true
    expect(await call(endpoint, client)).toEqual({ a: true })
  })

  test("that closes each new connection: the call fails, and is not repeated", async () => {
    let connections = 0
    const endpoint = await serve((socket, connection) => {
      connections = connection
      socket.destroy()
    })
    await expect(call(endpoint)).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(connections).toBe(1)
  })

  test("that is not there: the call fails at once", async () => {
    await expect(call("http://127.0.0.1:1")).rejects.toMatchObject({ code: "ECONNREFUSED" })
  })
})
