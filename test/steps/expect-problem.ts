import { expect } from "@jest/globals"
import { ERROR_CODES, type ErrorCode } from "../../lib/errors.ts"
import type { Answered } from "./gateway-event.ts"

/** Checks that an answer is the problem `code`, complete and with the right media type. */
export function expectProblem(answer: Answered, status: number, code: ErrorCode) {
  expect(answer.status).toBe(status)
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(answer.body).toMatchObject({
    type: `/problems/${code}`,
    title: ERROR_CODES[code].title,
    status,
    code,
    request_id: "invocation-1",
  })
}
