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

const bytesOf = (item: unknown): number => Buffer.byteLength(JSON.stringify(JSON.stringify(item)))

/** Counts the bytes of a page's items. */
export function createPageBytes() {
  let bytes = 0
  let isEmpty = true
  return {
    /** Adds an item if it is the first or fits. Returns whether it was added. */
    add(item: unknown): boolean {
      bytes += bytesOf(item)
      const fits = isEmpty || bytes <= PAGE_BYTES_MAX
      isEmpty = false
      return fits
    },
  }
}

/** Returns a bound of the code units that an item takes in JSON before escaping, without serialising its texts. */
const unitsOf = (item: object): number =>
  Object.values(item).reduce<number>((units, value) => {
    if (typeof value === "string") return units + value.length
    return typeof value === "object" ? units + JSON.stringify(value).length : units
  }, ITEM_UNITS)

/** Returns the items without those at the end that do not fit. */
export function withinPageBytes<T extends object>(items: T[]): T[] {
  // Nearly every page is small, and is not serialised only to be measured.
  const units = items.reduce((sum, item) => sum + unitsOf(item), 0)
  if (units * UNIT_BYTES_MAX <= PAGE_BYTES_MAX) return items
  const page = createPageBytes()
  const end = items.findIndex((item) => !page.add(item))
  return end === -1 ? items : items.slice(0, end)
}
