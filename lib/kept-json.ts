/**
 * DESIGN. JSON of clients that is given back as it came, with the order of its names and the digits of its numbers.
 * JSON.parse moves names that are indexes of arrays ("7") before all others, and rounds numbers to doubles. So a mark
 * stands before each name while a text with such names is parsed, and a number that JavaScript would write otherwise
 * stays the text that it is (JSON.rawJSON). A name that is given twice has its first place and its last value.
 */

/** What TypeScript's own declarations lack. */
type WithRawJson = {
  parse(text: string, reviver: (name: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(value: unknown): boolean
}
const { parse, rawJSON, isRawJSON } = JSON as unknown as WithRawJson

const MARK = "_"
/** Matches a string, and the colon after it if it is a name. */
const STRING = /"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?/g
/** Matches where a name may be an index: digits, as they are or escaped. */
const INDEX_NAME = /"(?:[0-9]|\\u003[0-9])+"\s*:/

const withMarks = (json: string): string =>
  json.replace(STRING, (whole, name, colon) => (colon === undefined ? whole : `"${MARK}${name}"${colon}`))

const keepDigits = (_name: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === "number" && source !== undefined && String(value) !== source ? rawJSON(source) : value

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !isRawJSON(value)

/** Removes the marks, and gives each object a list of its names in their order. */
function inOrder(value: unknown): unknown {
  if (!isObject(value)) return value
  if (Array.isArray(value)) return value.map(inOrder)
  const members = Object.entries(value).map(([name, member]) => [name.slice(MARK.length), inOrder(member)] as const)
  const names = members.map(([name]) => name)
  return new Proxy(Object.fromEntries(members), { ownKeys: () => names })
}

/** Parses as JSON.parse does, but so that JSON.stringify gives the names' order and the numbers' digits back. */
export function parseKept(json: string): unknown {
  if (!INDEX_NAME.test(json)) return parse(json, keepDigits)
  return inOrder(parse(withMarks(json), keepDigits))
}

/** Returns whether every name and text in JSON that JSON.stringify wrote is well-formed Unicode: it escapes no others. */
export const isWellFormedJson = (json: string): boolean => !/\\ud/.test(json.replaceAll("\\\\", ""))

/** Returns whether a parsed value is a JSON object. */
export const isJsonObject = (value: unknown): boolean => isObject(value) && !Array.isArray(value)
