/** What a function answers, before the endpoint adds the headers that every answer carries. */
export type Reply = {
  status: number
  headers: Record<string, string>
  body?: string
  /** The CORS headers (cors.ts), where they are not those of every answer of the endpoint. */
  cors?: Record<string, string>
}

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8" }
const NO_HEADERS = {}

/** An answer with `body` as JSON. */
export const json = (status: number, body: unknown, headers: Record<string, string> = NO_HEADERS): Reply => ({
  status,
  headers: { ...JSON_HEADERS, ...headers },
  body: JSON.stringify(body),
})

/** 200 with the resource. */
export const ok = (body: unknown): Reply => json(200, body)

/** 201 with the new resource and its path; `replayed` says that an Idempotency-Key had created it before. */
export const created = (body: unknown, location: string, replayed: boolean): Reply =>
  json(201, body, { location, ...(replayed && { "idempotency-replayed": "true" }) })

/** 204, after a delete. */
export const noContent = (): Reply => ({ status: 204, headers: NO_HEADERS })

/** 200 with `text` as it is, of the media type `contentType`. */
export const text = (contentType: string, body: string, headers: Record<string, string> = NO_HEADERS): Reply => ({
  status: 200,
  headers: { "content-type": contentType, ...headers },
  body,
})
