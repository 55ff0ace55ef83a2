/** A route of serverless.yml: `POST /applications/{token}/chats`, or `$default`, which takes what no other does. */
export type Route<Target> = { key: string; target: Target }
export type Found<Target> = Route<Target> & { pathParameters: Record<string, string> | undefined }

type Node<Target> = {
  literals: Map<string, Node<Target>>
  parameter?: Node<Target>
  leaf?: Route<Target> & { parameters: { name: string; index: number }[] }
}

const DEFAULT = "$default"
const PARAMETER = /^\{([^{}+]+)\}$/

const node = <Target>(): Node<Target> => ({ literals: new Map() })

/** Walks along the segments; where both fit, a literal goes before a parameter, as in API Gateway. */
function walk<Target>(at: Node<Target>, segments: readonly string[], index = 0): Node<Target> | undefined {
  const segment = segments[index]
  if (segment === undefined) return at.leaf && at
  const literal = at.literals.get(segment)
  const found = literal && walk(literal, segments, index + 1)
  // API Gateway has no empty parameters.
  if (found || at.parameter === undefined || segment === "") return found
  return walk(at.parameter, segments, index + 1)
}

/** Returns the segments of a path; a slash at its end does not count. */
const segmentsOf = (path: string): string[] => {
  const end = path.length > 1 && path.endsWith("/") ? -1 : path.length
  return path.slice(1, end).split("/")
}

const decoded = (segment: string): string => (segment.includes("%") ? decodeURIComponent(segment) : segment)

export function createRouter<Target>() {
  const methods = new Map<string, Node<Target>>()
  let others: Route<Target> | undefined

  /** Throws an Error for a key that it does not know, such as one with `{proxy+}`. */
  function add(key: string, target: Target): void {
    if (key === DEFAULT) {
      others = { key, target }
      return
    }
    const [method = "", path = ""] = key.split(" ")
    const parameters: { name: string; index: number }[] = []
    let at = methods.get(method) ?? node<Target>()
    methods.set(method, at)
    for (const [index, segment] of segmentsOf(path).entries()) {
      const [, name] = PARAMETER.exec(segment) ?? []
      if (name === undefined && /[{}]/.test(segment)) throw new Error(`${key}: this route is not supported`)
      const next = name === undefined ? at.literals.get(segment) : at.parameter
      const child = next ?? node<Target>()
      if (name === undefined) at.literals.set(segment, child)
      else at.parameter = child
      if (name !== undefined) parameters.push({ name, index })
      at = child
    }
    at.leaf = { key, target, parameters }
  }

  /** Returns the route of a request, with the decoded parameters of a path that can be decoded. */
  function find(method: string, path: string): Found<Target> | undefined {
    const root = methods.get(method)
    const segments = segmentsOf(path).map(decoded)
    const leaf = root && walk(root, segments)?.leaf
    if (leaf === undefined) return others && { ...others, pathParameters: undefined }
    const { key, target, parameters } = leaf
    if (parameters.length === 0) return { key, target, pathParameters: undefined }
    const pathParameters: Record<string, string> = {}
    for (const { name, index } of parameters) pathParameters[name] = segments[index] ?? ""
    return { key, target, pathParameters }
  }

  return { add, find }
}
