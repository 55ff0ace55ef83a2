import { paginateDescribeLogGroups, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs"
import { hashToken } from "../../lib/log.ts"
import { type Check, firstOf, type Site } from "../site.ts"

type Line = { group: string; message: string }

/** Returns all lines of all log groups. */
async function linesOf({ aws }: Site): Promise<Line[]> {
  const pages = await Array.fromAsync(paginateDescribeLogGroups({ client: aws.logs }, {}))
  const lines: Line[] = []
  for (const { logGroupName: group = "" } of pages.flatMap(({ logGroups = [] }) => logGroups))
    for await (const { events = [] } of paginateFilterLogEvents({ client: aws.logs }, { logGroupName: group }))
      for (const { message = "" } of events) lines.push({ group, message })
  return lines
}

/** Returns every form in which a log could show a value: as it is, and as a part of a URL or of JSON. */
const formsOf = (value: string): string[] => [
  ...new Set([value, encodeURIComponent(value), value.replaceAll(" ", "+"), JSON.stringify(value).slice(1, -1)]),
]

export const logs: Check = {
  key: "logs",
  name: "no log group holds a token, name, body, query, key or password that this run has used",
  async run(site) {
    firstOf(site)
    const lines = await linesOf(site)
    // The hashes that the logs do show prove that these are the lines of this run's requests.
    const seen = [...site.confidential].filter((value) =>
      lines.some(({ message }) => message.includes(hashToken(value))),
    )
    if (seen.length === 0) throw new Error(`none of the ${lines.length} lines is of a request of this run`)
    const forms = [...site.confidential].flatMap(formsOf)
    const told = lines.filter(({ message }) => forms.some((form) => message.includes(form)))
    if (told.length > 0) throw new Error(`${told.length} lines tell, such as ${told[0]?.group}: ${told[0]?.message}`)
    const groups = new Set(lines.map(({ group }) => group)).size
    return `${site.confidential.size} values, ${lines.length} lines of ${groups} groups`
  },
}
