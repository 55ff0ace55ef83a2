/** A route: GET answers HEAD too, wherever the gateway lets it through. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
export type Route = {
  methods: readonly Method[]
  path: string
  function: string
  /** The call administers applications: it needs an admin key where the API has one. */
  administers?: true
}

const APPLICATION = "/applications/{token}"
const CHAT = `${APPLICATION}/chats/{number}`
const MESSAGES = `${APPLICATION}/chats/{chat_number}/messages`
const MESSAGE = `${MESSAGES}/{number}`
const SEARCH = `${MESSAGES}/search`
const APPLICATION_SEARCH = `${APPLICATION}/messages/search`

/** Every route of the API. serverless.yml has the same (a test compares them), and the OpenAPI document is made from it. */
export const ROUTES: readonly Route[] = [
  { methods: ["POST"], path: "/applications", function: "create-application", administers: true },
  { methods: ["GET"], path: "/applications", function: "list-applications", administers: true },
  { methods: ["GET"], path: APPLICATION, function: "get-application" },
  { methods: ["PUT", "PATCH"], path: APPLICATION, function: "update-application", administers: true },
  { methods: ["DELETE"], path: APPLICATION, function: "delete-application", administers: true },
  { methods: ["POST"], path: `${APPLICATION}/chats`, function: "create-chat" },
  { methods: ["GET"], path: `${APPLICATION}/chats`, function: "list-chats" },
  { methods: ["GET"], path: CHAT, function: "get-chat" },
  { methods: ["PUT", "PATCH"], path: CHAT, function: "update-chat" },
  { methods: ["DELETE"], path: CHAT, function: "delete-chat" },
  { methods: ["POST"], path: MESSAGES, function: "create-message" },
  { methods: ["GET"], path: MESSAGES, function: "list-messages" },
  { methods: ["GET", "POST"], path: SEARCH, function: "search-messages" },
  { methods: ["GET", "POST"], path: APPLICATION_SEARCH, function: "search-application-messages" },
  { methods: ["GET"], path: MESSAGE, function: "get-message" },
  { methods: ["PUT", "PATCH"], path: MESSAGE, function: "update-message" },
  { methods: ["DELETE"], path: MESSAGE, function: "delete-message" },
  { methods: ["GET"], path: "/health", function: "get-health" },
  { methods: ["GET"], path: "/health/ready", function: "get-readiness" },
  { methods: ["GET"], path: "/openapi.json", function: "get-openapi" },
  { methods: ["GET"], path: "/docs", function: "get-docs" },
]

/**
 * Routes that must lead to reject-unknown-route by name, beside its catch-all: else the methods of `{number}` would
 * take "search" for a number and answer 404 where 405 is meant.
 */
export const REJECTED_ROUTES: readonly Route[] = [
  { methods: ["PUT", "PATCH", "DELETE"], path: SEARCH, function: "reject-unknown-route" },
]

const isParameter = (segment: string | undefined): boolean => segment?.startsWith("{") ?? false

/** Whether `path` fits the template, with any value for its parameters, and how many segments of it are literal. */
function literalsMatched(template: string, path: string): number {
  const wanted = template.split("/")
  const segments = path.split("/")
  if (wanted.length !== segments.length) return 0
  if (!wanted.every((part, index) => (isParameter(part) ? segments[index] !== "" : part === segments[index]))) return 0
  return wanted.filter((part) => !isParameter(part)).length
}

/** The routes that fit `path` best (a literal segment beats a parameter); none where no route does. */
function routesOf(path: string): Route[] {
  const trimmed = path.length > 1 ? path.replace(/\/$/, "") : path
  const fits = ROUTES.map((route) => ({ route, literals: literalsMatched(route.path, trimmed) }))
  const best = Math.max(...fits.map(({ literals }) => literals))
  if (best === 0) return []
  return fits.filter(({ literals }) => literals === best).map(({ route }) => route)
}

/** Returns the methods that `path` takes; none where there is no such path. */
export const methodsOf = (path: string): Method[] => routesOf(path).flatMap(({ methods }) => methods)

/** Returns whether `method` on `path` administers applications. */
export function administers(path: string, method: string): boolean {
  const taken = method === "HEAD" ? "GET" : method
  return routesOf(path).some((route) => route.administers === true && route.methods.some((one) => one === taken))
}

/** What Allow says for a path with these methods. */
export function allowOf(methods: readonly Method[]): string[] {
  const withHead = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
  return [...withHead, "OPTIONS"]
}
