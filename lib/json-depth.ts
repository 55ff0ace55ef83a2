const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Returns whether an odd number of backslashes precedes `index`. */
function isEscaped(json: string, index: number): boolean {
  let first = index
  while (json.charCodeAt(first - 1) === BACKSLASH) first--
  return (index - first) % 2 === 1
}

/** Returns where the string that began before `start` ends, or the end of the text. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start)
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1)
  return end === -1 ? json.length : end
}

/**
 * Returns whether a JSON text nests arrays and objects deeper than `depthMax`. It is one pass without recursion that
 * ignores strings and ends at the first excess level. For text that is not JSON the result means nothing.
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
