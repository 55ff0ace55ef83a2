import type { Application, Chat, Message } from "./api-types.ts"
import type { CallOptions, Connection } from "./connection.ts"
import { NotFoundError } from "./errors.ts"
import { ifMatchOf, withEtag } from "./etags.ts"

type Resource = Application | Chat | Message

export type ChangeOptions = CallOptions & {
  /**
   * Changes nothing, and throws a PreconditionFailedError, unless the resource still is the one with this ETag, or the
   * one that was read.
   */
  ifMatch?: string | Resource | undefined
}

/** Reads a resource. */
export const found = async <T extends Resource>(
  connection: Connection,
  path: string,
  options: CallOptions | undefined,
): Promise<T> => withEtag(await connection.call<T>({ method: "GET", path, options }))

/** Changes a resource and returns it as it is then. */
export async function changed<T extends Resource>(
  connection: Connection,
  method: "PUT" | "PATCH",
  path: string,
  json: object,
  options: ChangeOptions = {},
  needsAdminKey = false,
): Promise<T> {
  const ifMatch = ifMatchOf(options.ifMatch)
  return withEtag(await connection.call<T>({ method, path, json, needsAdminKey, ifMatch, options }))
}

/** Deletes a resource. It counts as deleted if it is not there when an attempt follows one that may have deleted it. */
export async function removed(
  connection: Connection,
  path: string,
  options: ChangeOptions = {},
  needsAdminKey = false,
): Promise<void> {
  const ifMatch = ifMatchOf(options.ifMatch)
  try {
    await connection.call({ method: "DELETE", path, needsAdminKey, ifMatch, options })
  } catch (error) {
    if (!(error instanceof NotFoundError && error.isAfterLostAnswer)) throw error
  }
}
