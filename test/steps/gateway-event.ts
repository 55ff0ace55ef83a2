import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import type { EndpointHandler } from "../../lib/http/endpoint.ts"

export type Call = {
  method?: string
  path?: string
  pathParameters?: Record<string, string>
  queryString?: string
  headers?: Record<string, string>
  body?: string
  isBase64Encoded?: boolean
}

/** Returns an event as API Gateway's HTTP API makes it (payload format 2.0). */
export function gatewayEvent(call: Call = {}): APIGatewayProxyEventV2 {
  const { method = "GET", path = "/", pathParameters, queryString = "", headers = {}, body } = call
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: queryString,
    headers,
    ...(pathParameters && { pathParameters }),
    ...(queryString && { queryStringParameters: Object.fromEntries(new URLSearchParams(queryString)) }),
    ...(body !== undefined && { body }),
    isBase64Encoded: call.isBase64Encoded ?? false,
    requestContext: {
      accountId: "",
      apiId: "",
      domainName: "",
      domainPrefix: "",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "" },
      requestId: "the-same-for-all",
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
  }
}

/** The part of the invocation context that an endpoint reads. */
export const invocation = { awsRequestId: "invocation-1", functionName: "some-function" } as Context

export type Answered = {
  status: number | undefined
  headers: Record<string, unknown>
  text: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any
}

/** Invokes a handler like the gateway, and returns its answer. */
export async function invoke(handler: EndpointHandler, call: Call = {}): Promise<Answered> {
  const answer: APIGatewayProxyStructuredResultV2 = await handler(gatewayEvent(call), invocation)
  const { statusCode, headers = {}, body } = answer
  const isJson = String(headers["content-type"]).includes("json")
  return { status: statusCode, headers, text: body, body: isJson && body ? JSON.parse(body) : undefined }
}

/** Returns a call with `value` as its JSON body. */
export const withJson = (value: unknown, call: Call = {}): Call => ({
  method: "POST",
  ...call,
  headers: { "content-type": "application/json", ...call.headers },
  body: JSON.stringify(value),
})
