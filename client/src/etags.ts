import type { Application, Chat, Message } from "./api-types.ts"

type Resource = Application | Chat | Message

const etags = new WeakMap<object, string>()

/** Remembers the ETag with which a resource was answered, and returns the resource. */
export function withEtag<T extends Resource>({ body, etag }: { body: T; etag: string | null }): T {
  if (etag !== null) etags.set(body, etag)
  return body
}

/** Returns the ETag of a resource that was got, created or changed by itself; those of lists have none. */
export const etagOf = (resource: Resource): string | undefined => etags.get(resource)

/** Returns the value of If-Match for an ETag or a resource as it was read. Throws a TypeError if that has no ETag. */
export function ifMatchOf(condition: string | Resource | undefined): string | undefined {
  if (condition === undefined || typeof condition === "string") return condition
  const etag = etagOf(condition)
  if (etag === undefined) throw new TypeError("ifMatch: has no ETag, since it was not read by itself")
  return etag
}
