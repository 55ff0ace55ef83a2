// The steps by which tests call the API, in this process (the handlers themselves) or over HTTP.
import type { EndpointHandler } from "../../lib/http/endpoint.ts"
import { REJECTED_ROUTES, ROUTES } from "../../lib/operations/routes.ts"
import { type Answered, type Call, invoke } from "./gateway-event.ts"

/** A call. `json` is sent as application/json, `text` and `bytes` unchanged; `base64` if the gateway encodes it. */
export type ApiCall = {
  method?: string
  path: string
  query?: Record<string, string | number> | string
  headers?: Record<string, string>
  json?: unknown
  text?: string
  bytes?: Buffer
  base64?: boolean
}

export type Transport = (call: ApiCall) => Promise<Answered>

type Routed = { function: string; pathParameters: Record<string, string> }

/** Returns a decoded segment of a path; one that cannot be decoded stays as it is, as in the emulator. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** Returns the parameters of a path that fits a template, and how many segments are literal. */
function matchPath(
  template: string,
  path: string,
): { parameters: Record<string, string>; literals: number } | undefined {
  const wanted = template.split("/")
  const segments = path.split("/")
  if (wanted.length !== segments.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const segment = segments[index] ?? ""
    if (!part.startsWith("{")) {
      if (part !== segment) return undefined
    } else if (segment === "") return undefined
    else parameters[part.slice(1, -1)] = decoded(segment)
  }
  return { parameters, literals: wanted.length - Object.keys(parameters).length }
}

/** Returns the function that a gateway calls: that of the most specific route with the method, else the catch-all. */
export function route(method: string, path: string): Routed {
  const asked = method === "HEAD" ? "GET" : method
  const fitting = [...ROUTES, ...REJECTED_ROUTES]
    .filter(({ methods }) => methods.some((one) => one === asked))
    .flatMap((one) => {
      const fitted = matchPath(one.path, path)
      return fitted ? [{ function: one.function, ...fitted }] : []
    })
    .sort((a, b) => b.literals - a.literals)
  const [best] = fitting
  if (!best) return { function: "reject-unknown-route", pathParameters: {} }
  return { function: best.function, pathParameters: best.parameters }
}

const queryString = (query: ApiCall["query"]): string =>
  typeof query === "string"
    ? query
    : new URLSearchParams(
        Object.entries(query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
      ).toString()

const bodyOf = ({ json, text, bytes }: ApiCall): string | Buffer | undefined =>
  json === undefined ? (bytes ?? text) : JSON.stringify(json)

const contentType = (call: ApiCall): Record<string, string> =>
  bodyOf(call) === undefined ? {} : { "content-type": "application/json" }

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const importHandler = async (name: string): Promise<EndpointHandler> =>
  ((await import(`../../functions/${name}.ts`)) as { handler: EndpointHandler }).handler

/** Returns a transport that calls the handlers, by default in this process, with the events of API Gateway. */
export function directTransport(handlerOf = importHandler): Transport {
  return async (call) => {
    const { method = "GET", path } = call
    const routed = route(method, path)
    const handler = await handlerOf(routed.function)
    const body = bodyOf(call)
    const isBase64Encoded = call.base64 === true || body instanceof Buffer
    const event: Call = {
      method,
      path,
      pathParameters: routed.pathParameters,
      queryString: queryString(call.query),
      headers: lowerCase({ ...contentType(call), ...call.headers }),
      isBase64Encoded,
      ...(body !== undefined && { body: isBase64Encoded ? Buffer.from(body).toString("base64") : String(body) }),
    }
    return invoke(handler, event)
  }
}

/** Returns a transport that calls a running API. */
export function httpTransport(baseUrl: string): Transport {
  return async (call) => {
    const { method = "GET", path } = call
    const query = queryString(call.query)
    const sent = bodyOf(call)
    const answer = await fetch(`${baseUrl}${path}${query && `?${query}`}`, {
      method,
      headers: { ...contentType(call), ...call.headers },
      ...(sent !== undefined && { body: sent }),
    })
    const headers = Object.fromEntries(answer.headers)
    const received = await answer.text()
    const isJson = headers["content-type"]?.includes("json") ?? false
    const body = isJson && received ? JSON.parse(received) : undefined
    return { status: answer.status, headers, text: received || undefined, body }
  }
}

type Options = { key?: string; headers?: Record<string, string> }
type Query = ApiCall["query"]
type ChangeMethod = "PUT" | "PATCH"

const headersOf = ({ key, headers }: Options): Record<string, string> => ({
  ...headers,
  ...(key !== undefined && { "idempotency-key": key }),
})

const withQuery = (path: string, query: Query): ApiCall => (query === undefined ? { path } : { path, query })

export type ChatApi = ReturnType<typeof chatApi>

/** Returns the calls of the contract as steps. `given…` throw unless they succeed, and return the resource. */
export function chatApi(call: Transport) {
  const post = (path: string, json: unknown, options: Options) =>
    call({ method: "POST", path, headers: headersOf(options), ...(json !== undefined && { json }) })
  const change = (path: string, json: unknown, method: ChangeMethod) => call({ method, path, json })
  const remove = (path: string) => call({ method: "DELETE", path })

  const api = {
    call,
    createApplication: (json: unknown = { name: "an application" }, options: Options = {}) =>
      post("/applications", json, options),
    listApplications: (query?: Query) => call(withQuery("/applications", query)),
    getApplication: (token: string) => call({ path: `/applications/${token}` }),
    updateApplication: (token: string, json: unknown, method: ChangeMethod = "PUT") =>
      change(`/applications/${token}`, json, method),
    deleteApplication: (token: string) => remove(`/applications/${token}`),

    createChat: (token: string, json?: unknown, options: Options = {}) =>
      post(`/applications/${token}/chats`, json, options),
    listChats: (token: string, query?: Query) => call(withQuery(`/applications/${token}/chats`, query)),
    getChat: (token: string, chat: number) => call({ path: chatPath(token, chat) }),
    updateChat: (token: string, chat: number, json: unknown, method: ChangeMethod = "PUT") =>
      change(chatPath(token, chat), json, method),
    deleteChat: (token: string, chat: number) => remove(chatPath(token, chat)),

    createMessage: (token: string, chat: number, json: unknown = { body: "a message" }, options: Options = {}) =>
      post(`${chatPath(token, chat)}/messages`, json, options),
    createMessageBatch: (token: string, chat: number, bodies: readonly string[], options: Options = {}) =>
      post(`${chatPath(token, chat)}/messages/batch`, { messages: bodies.map((body) => ({ body })) }, options),
    listMessages: (token: string, chat: number, query?: Query) =>
      call(withQuery(`${chatPath(token, chat)}/messages`, query)),
    getMessage: (token: string, chat: number, message: number) => call({ path: messagePath(token, chat, message) }),
    updateMessage: (token: string, chat: number, message: number, json: unknown, method: ChangeMethod = "PUT") =>
      change(messagePath(token, chat, message), json, method),
    deleteMessage: (token: string, chat: number, message: number) => remove(messagePath(token, chat, message)),
    eraseMessages: (token: string, chat: number, query: Query) =>
      call({ method: "DELETE", ...withQuery(`${chatPath(token, chat)}/messages`, query) }),
    searchMessages: (token: string, chat: number, query: Query) =>
      call(withQuery(`${chatPath(token, chat)}/messages/search`, query)),
    searchMessagesByPost: (token: string, chat: number, json: unknown, query?: Query) =>
      call({ method: "POST", json, ...withQuery(`${chatPath(token, chat)}/messages/search`, query) }),

    listChanges: (token: string, query?: Query) => call(withQuery(`/applications/${token}/changes`, query)),

    searchApplication: (token: string, query: Query) =>
      call(withQuery(`/applications/${token}/messages/search`, query)),
    searchApplicationByPost: (token: string, json: unknown, query?: Query) =>
      call({ method: "POST", json, ...withQuery(`/applications/${token}/messages/search`, query) }),

    givenApplication: async (name = "an application"): Promise<string> =>
      expectStatus(await api.createApplication({ name }), 201).token,
    givenChat: async (token: string, name?: string): Promise<number> =>
      expectStatus(await api.createChat(token, name === undefined ? undefined : { name }), 201).number,
    givenMessage: async (token: string, chat: number, body = "a message"): Promise<number> =>
      expectStatus(await api.createMessage(token, chat, { body }), 201).number,
  }
  return api
}

export const chatPath = (token: string, chat: number): string => `/applications/${token}/chats/${chat}`
export const messagePath = (token: string, chat: number, message: number): string =>
  `${chatPath(token, chat)}/messages/${message}`

/** Returns the body of an answer. Throws an Error with the answer unless it has `status`. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export function expectStatus(answer: Answered, status: number): any {
  if (answer.status === status) return answer.body
  throw new Error(`expected ${status}, answered ${answer.status} ${answer.text ?? ""}`)
}

/** Returns the path and query of the next page. */
export const nextOf = (headers: Record<string, unknown>): string => {
  const [, target = ""] = /^<([^>]+)>; rel="next"$/.exec(String(headers.link)) ?? []
  return target.replace(/^https?:\/\/[^/]+/, "")
}
