/** Returns the journey as an .http file, as REST Client (VS Code) and Visual Studio read it. */
import { JOURNEY, requestOf, SETTINGS, type Step } from "./journey.ts"

const HEAD = [
  "# A walk through the whole API, to be sent request by request from the beginning: in VS Code with the extension REST",
  "# Client, or in Visual Studio. Set `baseUrl`, and `adminKey` if the API has one. Elsewhere (in JetBrains' IDEs) replace",
  "# what stands behind `=` in lines such as `@token = …` by the value from the answer.",
]

/** Long enough for a search to find what was just written, on most machines. Only httpYac waits. */
const LAG_MS = 3_000

const camelCase = (id: string): string => id.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase())

/** Returns a step's lines. `name` is unique, `variables` are those to be defined before it. */
function linesOf(step: Step, name: string, variables: string[]): string[] {
  const { title, method, path, query, headers, body } = requestOf(step)
  const search = new URLSearchParams(query).toString().replaceAll("%7B%7B", "{{").replaceAll("%7D%7D", "}}")
  return [
    `### ${title}`,
    ...(step.fails ? [`# Answers ${step.fails.status}.`] : []),
    ...(step.lags ? ["# May lag behind the writes by a second or two.", `# @sleep ${LAG_MS}`] : []),
    ...variables,
    `# @name ${name}`,
    `${method} {{baseUrl}}${path}${search && `?${search}`}`,
    ...Object.entries(headers).map(([key, value]) => `${key}: ${value}`),
    ...(body === undefined ? [] : ["", ...JSON.stringify(body, null, 2).split("\n")]),
    "",
  ]
}

export function httpFile(): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `@${name} = ${value}`)
  const lines = [...HEAD, "", ...settings, ""]
  const times = new Map<string, number>()
  // Each is defined in the request after the one whose answer has it.
  let variables: string[] = []
  for (const step of JOURNEY.flatMap(({ steps }) => steps)) {
    const { id } = step.operation
    const time = (times.get(id) ?? 0) + 1
    times.set(id, time)
    const name = `${camelCase(id)}${time > 1 ? time : ""}`
    lines.push(...linesOf(step, name, variables))
    variables = Object.entries(step.saves ?? {}).map(([variable, from]) => {
      const place = "member" in from ? `body.$.${from.member}` : `headers.${from.header}`
      return `@${variable} = {{${name}.response.${place}}}`
    })
  }
  return lines.join("\n")
}
