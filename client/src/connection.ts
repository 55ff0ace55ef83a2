import { type Answer, errorIn } from "./answers.ts"
import { type ChatError, ConnectionError, TimeoutError } from "./errors.ts"
import { isPassing, isUnclear, RETRIES_DEFAULT, RETRY_AFTER_MAX_MS, waitMs } from "./retries.ts"
import { sleep, within } from "./waiting.ts"

/** Longer than the API takes for any answer (9 s), so that none comes after the client has given up. */
const TIMEOUT_DEFAULT_MS = 12_000

/** What the API takes: 1–255 visible ASCII characters. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/
const ADMIN_KEY = /^[\x21-\x7e]+$/
const KEY_BYTES = 16
const NO_CONTENT = 204

/** Describes a call that is about to be sent again. */
export type Retry = { error: ChatError; attempt: number; waitMs: number }

export type ChatClientOptions = {
  /** Where the API is, with the path before its own if there is one: `https://chat.example.com`. */
  url: string | URL
  /** One of the API's `ADMIN_API_KEY`. It is sent only with calls that need it: all on applications but `get`. */
  adminKey?: string | undefined
  /** What sends requests, by default the global `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Headers that are sent with each request, for a proxy before the API. */
  headers?: Record<string, string> | undefined
  /** How long an attempt may take, its answer included: 12 s by default. */
  timeoutMs?: number | undefined
  /** How often a call is sent again at most: 8 by default. */
  retries?: number | undefined
  /** Called before each wait for another attempt, for a log. */
  onRetry?: ((retry: Retry) => void) | undefined
}

export type CallOptions = {
  /** Ends the call, waits included, at once, with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Of creations: makes the call safe to repeat for 24 hours, by another process as well. Made anew unless given. */
  idempotencyKey?: string | undefined
  /** How long an attempt may take, instead of the client's time. */
  timeoutMs?: number | undefined
}

export type Request = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Below the client's URL, with each part encoded. */
  path: string
  query?: Record<string, string | number | undefined>
  /** What the body says; `text` if it is JSON already. */
  json?: unknown
  text?: string
  creates?: boolean
  needsAdminKey?: boolean
  ifMatch?: string | undefined
  /** How often it is sent again, instead of the client's number. */
  retries?: number
  /** Returns the body of an answer with an error's status that is an answer all the same. */
  readRefusal?: (text: string) => unknown
  options: CallOptions | undefined
}

/** Returns 128 random bits as text. `randomUUID` is missing where a page came without TLS. */
function randomId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID()
  return Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")
}

/** Returns the address before all paths. Throws a TypeError if `url` is none, or one that fetch would refuse. */
function baseOf(url: string | URL): string {
  const { protocol, host, pathname, username, password } = new URL(url)
  if (username !== "" || password !== "") throw new TypeError("url: must be without user and password")
  if (protocol !== "http:" && protocol !== "https:") throw new TypeError("url: must begin with http:// or https://")
  return `${protocol}//${host}${pathname.replace(/\/+$/, "")}`
}

/** Returns what fetch failed of, without its words: some runtimes quote the URL, and so the token, in them. */
function reasonOf(thrown: unknown): string {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: { code?: unknown } }
  const known = cause?.code ?? code
  return typeof known === "string" ? known : "the connection failed"
}

/** Returns what a successful answer says. Throws a SyntaxError if it was cut. */
function bodyOf<T>({ readRefusal }: Request, { ok, status }: Response, text: string): { body: T } | undefined {
  if (ok) return { body: (status === NO_CONTENT ? undefined : JSON.parse(text)) as T }
  const body = readRefusal?.(text)
  return body === undefined ? undefined : { body: body as T }
}

/** Sends calls to the API, each until it is answered or its retries are used up. */
export class Connection {
  readonly #base: string
  readonly #options: ChatClientOptions
  readonly #headers: Headers
  readonly #timeoutMs: number
  readonly #retries: number

  constructor(options: ChatClientOptions) {
    const { url, adminKey, headers, timeoutMs = TIMEOUT_DEFAULT_MS, retries = RETRIES_DEFAULT } = options
    if (adminKey !== undefined && !ADMIN_KEY.test(adminKey)) throw new TypeError("adminKey: must be visible ASCII")
    if (!(timeoutMs > 0)) throw new RangeError("timeoutMs: must be above 0")
    if (!(retries >= 0)) throw new RangeError("retries: must be 0 or more")
    this.#base = baseOf(url)
    this.#options = options
    this.#headers = new Headers(headers)
    this.#timeoutMs = timeoutMs
    this.#retries = retries
  }

  /** Sends a request until it is answered. Throws a ChatError, or the reason of the signal. */
  async call<T>(request: Request): Promise<Answer<T>> {
    const { options = {}, retries = this.#retries } = request
    const headers = this.#headersOf(request)
    const id = randomId()
    let isAfterLostAnswer = false
    for (let attempt = 0; ; attempt++) {
      headers.set("x-request-id", `${id}.${attempt}`)
      const answer = await this.#send<T>(request, headers, isAfterLostAnswer)
      if (!(answer instanceof Error)) return answer
      const { retryAfterMs } = answer
      const isTooLong = retries < Number.POSITIVE_INFINITY && (retryAfterMs ?? 0) > RETRY_AFTER_MAX_MS
      if (!isPassing(answer) || attempt >= retries || isTooLong) throw answer
      isAfterLostAnswer ||= isUnclear(answer)
      const wait = waitMs(attempt, retryAfterMs)
      this.#options.onRetry?.({ error: answer, attempt, waitMs: wait })
      await sleep(wait, options.signal)
    }
  }

  #headersOf({ json, text, creates, needsAdminKey, ifMatch, options }: Request): Headers {
    const headers = new Headers(this.#headers)
    const { adminKey } = this.#options
    headers.set("accept", "application/json")
    if (json !== undefined || text !== undefined) headers.set("content-type", "application/json")
    if (needsAdminKey && adminKey !== undefined) headers.set("x-api-key", adminKey)
    if (ifMatch !== undefined) headers.set("if-match", ifMatch)
    if (!creates) return headers
    const key = options?.idempotencyKey ?? randomId()
    if (!IDEMPOTENCY_KEY.test(key)) throw new TypeError("idempotencyKey: must be 1–255 visible ASCII characters")
    headers.set("idempotency-key", key)
    return headers
  }

  #urlOf({ path, query = {} }: Request): string {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, `${value}`)
    const search = parameters.toString()
    return `${this.#base}${path}${search === "" ? "" : `?${search}`}`
  }

  /** Makes one attempt, and returns its answer or why there is none. Throws only the reason of the call's signal. */
  async #send<T>(request: Request, headers: Headers, isAfterLostAnswer: boolean): Promise<Answer<T> | ChatError> {
    const { signal, timeoutMs = this.#timeoutMs } = request.options ?? {}
    const requestId = headers.get("x-request-id") ?? ""
    const none = { status: 0, requestId, isAfterLostAnswer }
    const timedOut = () => new TimeoutError({ ...none, code: "timed_out", detail: `no answer in ${timeoutMs} ms` })
    try {
      return await within(
        async (ended) => {
          const response = await this.#fetch(request, headers, ended)
          const text = await response.text()
          const body = bodyOf<T>(request, response, text)
          if (body) return { ...body, etag: response.headers.get("etag") }
          return errorIn(response, text, { requestId, isAfterLostAnswer })
        },
        timeoutMs,
        timedOut,
        signal,
      )
    } catch (thrown) {
      if (signal?.aborted) throw signal.reason
      if (thrown instanceof TimeoutError) return thrown
      const detail = thrown instanceof SyntaxError ? "the answer is not JSON, or was cut" : reasonOf(thrown)
      return new ConnectionError({ ...none, code: "connection_failed", detail })
    }
  }

  #fetch(request: Request, headers: Headers, signal: AbortSignal): Promise<Response> {
    const { method, json, text = json === undefined ? undefined : JSON.stringify(json) } = request
    const send = this.#options.fetch ?? fetch
    // A redirect would carry the token to wherever it leads, and a POST would become a GET.
    const init: RequestInit = { method, headers, redirect: "manual", signal }
    return send(this.#urlOf(request), text === undefined ? init : { ...init, body: text })
  }
}
