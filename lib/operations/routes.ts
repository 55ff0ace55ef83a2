import type { Method, Operation } from "../http/operation.ts"
import * as applications from "./applications.ts"
import * as changes from "./changes.ts"
import * as chats from "./chats.ts"
import * as messages from "./messages.ts"
import * as system from "./system.ts"

const METHODS: readonly Method[] = ["POST", "GET", "PUT", "PATCH", "DELETE"]

/** Orders operations for reading: a collection before its items. */
const byPath = (a: Operation, b: Operation): number =>
  a.path === b.path ? METHODS.indexOf(a.methods[0]) - METHODS.indexOf(b.methods[0]) : a.path < b.path ? -1 : 1

/** Every operation of the API, from which the OpenAPI document is made. */
export const OPERATIONS: readonly Operation[] = [applications, chats, messages, changes, system].flatMap((module) =>
  Object.values<Operation>(module).sort(byPath),
)

export type Route = Pick<Operation, "methods" | "path" | "administers" | "isHidden"> & { function: string }

/** Every route of the API; a test compares them with serverless.yml. */
export const ROUTES: readonly Route[] = OPERATIONS.map((operation) => ({
  ...operation,
  function: operation.function ?? operation.id,
}))

/**
 * Routes of reject-unknown-route besides its catch-all: `{number}` would take "search" and "batch" for numbers (404, not
 * 405).
 */
export const REJECTED_ROUTES: readonly Route[] = [
  { methods: ["PUT", "PATCH", "DELETE"], path: messages.searchMessages.path, function: "reject-unknown-route" },
  {
    methods: ["GET", "PUT", "PATCH", "DELETE"],
    path: messages.createMessageBatch.path,
    function: "reject-unknown-route",
  },
]

const isParameter = (segment: string | undefined): boolean => segment?.startsWith("{") ?? false

/** Returns how many literal segments of the template `path` matches; 0 if it does not fit. */
function literalsMatched(template: string, path: string): number {
  const wanted = template.split("/")
  const segments = path.split("/")
  if (wanted.length !== segments.length) return 0
  if (!wanted.every((part, index) => (isParameter(part) ? segments[index] !== "" : part === segments[index]))) return 0
  return wanted.filter((part) => !isParameter(part)).length
}

/** Returns the routes that fit `path` best; a literal segment beats a parameter. */
function routesOf(path: string): Route[] {
  const trimmed = path.length > 1 ? path.replace(/\/$/, "") : path
  const fits = ROUTES.map((route) => ({ route, literals: literalsMatched(route.path, trimmed) }))
  const best = Math.max(...fits.map(({ literals }) => literals))
  if (best === 0) return []
  return fits.filter(({ literals }) => literals === best).map(({ route }) => route)
}

/** Returns the methods that `path` takes, if any. */
export function methodsOf(path: string): Method[] {
  const routes = routesOf(path)
  return METHODS.filter((method) => routes.some(({ methods }) => methods.includes(method)))
}

/** Returns whether `method` on `path` administers applications. */
export function administers(path: string, method: string): boolean {
  const taken = method === "HEAD" ? "GET" : method
  return routesOf(path).some((route) => route.administers === true && route.methods.some((one) => one === taken))
}

/** Returns the Allow header of a path with these methods. */
export function allowOf(methods: readonly Method[]): string[] {
  const withHead = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
  return [...withHead, "OPTIONS"]
}
