const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Whether an odd number of backslashes stands before `index`. */
function isEscaped(json: string, index: number): boolean {
  let first = index
  while (json.charCodeAt(first - 1) === BACKSLASH) first--
  return (index - first) % 2 === 1
}

/** Where the string that began before `start` ends; the end of the text if it does not. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start)
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1)
  return end === -1 ? json.length : end
}

/**
 * Whether a JSON text nests arrays and objects deeper than `depthMax`. One pass with no recursion, which ends at the first
 * level too many; what is in strings does not count. Of a text that is no JSON the answer means nothing.
 */
export function nestsDeeper(json: string, depthMax: number): boolean {
  let depth = 0
  for (let index = 0; index < json.length; index++) {
    const unit = json.charCodeAt(index)
    if (unit === QUOTE) index = endOfString(json, index + 1)
    else if (unit === OPEN_BRACKET || unit === OPEN_BRACE) {
      if (++depth > depthMax) return true
    } else if (unit === CLOSE_BRACKET || unit === CLOSE_BRACE) depth--
  }
  return false
}
