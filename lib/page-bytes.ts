/**
 * DESIGN. A page ends after `limit` items or PAGE_BYTES_MAX, whichever comes first, and always has one item. AWS Lambda
 * refuses answers above 6 MB (quotas of AWS Lambda, invocation payload), in which the body is a JSON string, so that
 * what it escapes is escaped once more. Bytes are counted as they are there.
 */

/** Leaves room for headers and the rest of an answer; clients on phones read it at once. */
export const PAGE_BYTES_MAX = 4_000_000
/** What a UTF-16 code unit takes at most: `\\u0000`. */
const UNIT_BYTES_MAX = 7
/** More than the names of the members take, and numbers. */
const ITEM_UNITS = 400

/** Returns a bound of the code units that an item takes in JSON before escaping, without serialising its texts. */
const unitsOf = (item: object): number =>
  Object.values(item).reduce<number>((units, value) => {
    if (typeof value === "string") return units + value.length
    return typeof value === "object" ? units + JSON.stringify(value).length : units
  }, ITEM_UNITS)

const bytesOf = (item: object): number => Buffer.byteLength(JSON.stringify(JSON.stringify(item)))

/** Returns an empty page. */
export function createPage<T extends object>() {
  const items: T[] = []
  let bytesMax = 0
  /** Known once `bytesMax` exceeds the bound; nearly every page is small, and is not serialised to be measured. */
  let bytes: number | undefined
  return {
    items,
    /** Adds an item, unless it would make the page too large. Returns whether it was added. */
    add(item: T): boolean {
      bytesMax += unitsOf(item) * UNIT_BYTES_MAX
      if (bytesMax > PAGE_BYTES_MAX) {
        bytes = (bytes ?? items.reduce((sum, one) => sum + bytesOf(one), 0)) + bytesOf(item)
        if (bytes > PAGE_BYTES_MAX && items.length > 0) return false
      }
      items.push(item)
      return true
    },
  }
}

/** Returns the items without those at the end that make the page too large. */
export function withinPageBytes<T extends object>(items: T[]): T[] {
  const page = createPage<T>()
  for (const item of items) if (!page.add(item)) break
  return page.items
}
