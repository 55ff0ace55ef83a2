import * as z from "zod"
import type { Order, Page, PageRequest, Position } from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { decodeCursor, encodeCursor, type List } from "./cursor.ts"
import { ok, type Reply } from "./reply/replies.ts"

/** The format of numbers far below 2^31. */
const NARROW = "int32"

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,5}$/, `must be a whole number from 1 to ${max}`)
    .transform(Number)
    .pipe(z.int().min(1).max(max))

export const OrderParameter = z.enum(["asc", "desc"]).optional()
/** Has no example, since a cursor is valid only for its own list. */
export const Cursor = z
  .string()
  .min(1)
  .max(LIMITS.cursorMax)
  .optional()
  .meta({ description: "The `next_cursor` of the page before, for the same list and order." })
/** Describes a limit, in a query string or a body. */
export const limitMeta = {
  description: "Items on a page at most. A page of long messages ends at 4 MB, and `next_cursor` goes on.",
  default: LIMITS.pageLimitDefault,
  format: NARROW,
  examples: [50],
}
/** Returns the parameter of a limit that is `byDefault` unless given. */
export const limitParameter = (byDefault: number) =>
  wholeNumber(LIMITS.pageLimitMax)
    .optional()
    .meta({ ...limitMeta, default: byDefault })
export const LimitParameter = limitParameter(LIMITS.pageLimitDefault)

export const PageParameter = wholeNumber(LIMITS.offsetMax)
  .optional()
  .meta({ description: `Instead of a cursor; page × limit is ${LIMITS.offsetMax} at most.`, format: NARROW })

export const listParameters = {
  limit: LimitParameter,
  order: OrderParameter.meta({
    description: "By number; applications by time of creation.",
    default: "asc",
    examples: ["desc"],
  }),
  cursor: Cursor,
  page: PageParameter.meta({ examples: [2] }),
}

type ListParameters = {
  limit?: number | undefined
  order?: Order | undefined
  cursor?: string | undefined
  page?: number | undefined
  /** Of a list by number: the numbers between which it is. */
  after?: number | undefined
  before?: number | undefined
}

/** Returns what is wrong with a list's `page`, if anything. */
function checkPage({ limit = LIMITS.pageLimitDefault, cursor, page }: ListParameters): string | undefined {
  if (page === undefined) return undefined
  if (cursor !== undefined) return "cannot be given with cursor"
  if (page * limit > LIMITS.offsetMax) return `page × limit must be at most ${LIMITS.offsetMax}: use cursor`
  return undefined
}

export function refinePage(parameters: ListParameters, context: z.RefinementCtx): void {
  const message = checkPage(parameters)
  if (message !== undefined) context.addIssue({ code: "custom", path: ["page"], message })
}

export const ListQuery = z.object(listParameters).superRefine(refinePage)

/** Returns the page that a list's parameters ask for. A cursor brings its order; another one beside it is 422. */
export function pageRequest(list: List, parameters: ListParameters, orderDefault: Order = "asc"): PageRequest {
  const { limit = LIMITS.pageLimitDefault, order, cursor, page } = parameters
  if (cursor !== undefined) {
    const decoded = decodeCursor(list, cursor)
    if (order !== undefined && order !== decoded.order) throw invalid("cursor", "is of a list in the other order")
    return { limit, ...decoded }
  }
  if (page !== undefined) return { limit, order: order ?? orderDefault, offset: (page - 1) * limit }
  return { limit, ...range(order ?? orderDefault, parameters) }
}

/** Returns where a list in this order begins and ends, if it has only the numbers between `after` and `before`. */
function range(order: Order, { after, before }: ListParameters): Pick<PageRequest, "order" | "after" | "until"> {
  const [start, end] = order === "asc" ? [after, before] : [before, after]
  return {
    order,
    ...(start !== undefined && { after: { key: start } }),
    ...(end !== undefined && { until: { key: end } }),
  }
}

function nextPath(path: string, given: Record<string, string | number | undefined>, cursor: string): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== undefined) parameters.set(name, String(value))
  parameters.set("cursor", cursor)
  return `${path}?${parameters}`
}

/**
 * Returns 200 with the page, and a Link (RFC 8288) to the next one: `path` with the parameters `given`. The cursor keeps
 * the end of the list.
 */
export function pageReply(
  list: List,
  { order, until }: PageRequest,
  { data, next, ...rest }: { data: unknown[]; next: Position | null; total?: number },
  link: { path: string; given: Record<string, string | number | undefined> },
): Reply {
  if (next === null) return ok({ data, next_cursor: null, ...rest })
  const cursor = encodeCursor(list, order, next, until)
  const reply = ok({ data, next_cursor: cursor, ...rest })
  return { ...reply, headers: { ...reply.headers, link: `<${nextPath(link.path, link.given, cursor)}>; rel="next"` } }
}

/** Returns the answer of a list, whose page it reads with `read`. */
export async function answerList(
  list: List,
  parameters: ListParameters,
  read: (page: PageRequest) => Promise<Page<unknown>>,
): Promise<Reply> {
  const request = pageRequest(list, parameters)
  const page = await read(request)
  const { limit, order } = parameters
  return pageReply(list, request, page, { path: list.path, given: { limit, order } })
}
