/** A function's answer, before the endpoint adds the headers that all answers share. */
export type Reply = {
  status: number
  headers: Record<string, string>
  body?: string
  /** The body is bytes, in Base64. */
  isBase64Encoded?: boolean
  /** The CORS headers (cors.ts), if they differ from the endpoint's. */
  cors?: Record<string, string>
}

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8" }
const NO_HEADERS = {}

export const json = (status: number, body: unknown, headers: Record<string, string> = NO_HEADERS): Reply => ({
  status,
  headers: { ...JSON_HEADERS, ...headers },
  body: JSON.stringify(body),
})

export const ok = (body: unknown): Reply => json(200, body)

export const noContent = (): Reply => ({ status: 204, headers: NO_HEADERS })

export const text = (contentType: string, body: string, headers: Record<string, string> = NO_HEADERS): Reply => ({
  status: 200,
  headers: { "content-type": contentType, ...headers },
  body,
})
