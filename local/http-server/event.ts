import { isUtf8 } from "node:buffer"
import { randomUUID } from "node:crypto"
import type { IncomingMessage } from "node:http"
import type { APIGatewayProxyEventV2, Context } from "aws-lambda"
import { decodablePath, joinedHeaders } from "./requests.ts"
import type { Found } from "./router.ts"

/** API Gateway passes a body of these types as text, others as bytes in base64. */
const TEXT = /^(?:text\/.*|application\/(?:json|javascript|xml))$/
/** What names an account or an API in the cloud; nothing here reads it. */
const NOWHERE = {
  accountId: "local",
  apiId: "local",
  domainName: "localhost",
  domainPrefix: "local",
  stage: "$default",
}

/** A request's target, without a fragment: its path, with dot segments resolved, and its query as it came. */
export type Target = { path: string; query: string }

export function targetOf({ url = "" }: IncomingMessage): Target {
  const { pathname, search } = new URL(`http://localhost${decodablePath(url)}`)
  return { path: pathname, query: search.slice(1) }
}

/** Returns the parameters of a query; API Gateway joins the values of a repeated one by commas. */
function queryParameters(query: string): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(query))
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value
  return parameters
}

const mediaType = (contentType: string): string => (contentType.split(";", 1)[0] ?? "").trim().toLowerCase()

/** Returns the body as API Gateway passes it. */
function bodyOf(bytes: Buffer, contentType: string): Pick<APIGatewayProxyEventV2, "body" | "isBase64Encoded"> {
  if (bytes.length === 0) return { isBase64Encoded: false }
  // Where API Gateway would replace what is no UTF-8, it comes as bytes, which the functions refuse as well.
  const isText = TEXT.test(mediaType(contentType)) && isUtf8(bytes)
  return { body: bytes.toString(isText ? "utf8" : "base64"), isBase64Encoded: !isText }
}

/** Returns a time as in the Common Log Format: `29/Nov/2026:14:13:28 +0000`. */
function logTime(ms: number): string {
  const [, day, month, year, time] = new Date(ms).toUTCString().split(" ")
  return `${day}/${month}/${year}:${time} +0000`
}

/** Returns the event by which API Gateway's HTTP API calls a function (payload format 2.0). */
export function eventOf(
  request: IncomingMessage,
  { path, query }: Target,
  { key, pathParameters }: Found<unknown>,
  bytes: Buffer,
): APIGatewayProxyEventV2 {
  const headers = Object.fromEntries(joinedHeaders(request.rawHeaders))
  const now = Date.now()
  return {
    version: "2.0",
    routeKey: key,
    rawPath: path,
    rawQueryString: query,
    headers,
    ...(query !== "" && { queryStringParameters: queryParameters(query) }),
    ...(pathParameters && { pathParameters }),
    requestContext: {
      ...NOWHERE,
      requestId: randomUUID(),
      routeKey: key,
      http: {
        method: request.method ?? "",
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? "",
        userAgent: headers["user-agent"] ?? "",
      },
      time: logTime(now),
      timeEpoch: now,
    },
    ...bodyOf(bytes, headers["content-type"] ?? ""),
  }
}

/** What a function is, for its context. */
export type Definition = { name: string; memorySize: number; timeoutMs: number }

/** Returns the context of one call. */
export function contextOf({ name, memorySize, timeoutMs }: Definition): Context {
  const end = performance.now() + timeoutMs
  return {
    awsRequestId: randomUUID(),
    functionName: name,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB: `${memorySize}`,
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(end - performance.now())),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  }
}
