/** Returns the journey as a collection of Postman (format 2.1), which checks each answer. */
import { openapiDocument } from "../../lib/http/document/openapi.ts"
import { JOURNEY, requestOf, SETTINGS, type Step } from "./journey.ts"

const FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
const DESCRIPTION =
  "A walk through the whole API: run the collection from its beginning, and each request checks its answer and keeps what " +
  "the next ones need. Set `baseUrl`, and `adminKey` if the API has one. It creates an application, and deletes it at the end."

/** A search lags by a second or two, or more on a busy machine. */
const TRIES_MAX = 30
const PAUSE_MS = 1_000

type Schemas = Record<string, { required?: string[] }>

/** Returns the members that an answer always has. */
function membersOf({ operation, fails }: Step): string[] {
  const schemas = (openapiDocument() as { components: { schemas: Schemas } }).components.schemas
  const { schema } = operation.answer
  const name = fails?.schema ?? (schema?.meta() as { id?: string } | undefined)?.id
  return name === undefined ? [] : (schemas[name]?.required ?? [])
}

const text = JSON.stringify
const access = (member: string): string =>
  member
    .split(".")
    .map((part) => `?.[${text(part)}]`)
    .join("")

/** Returns the script that checks an answer and keeps what is needed of it. */
function testsOf(step: Step): string[] {
  const { operation, fails, saves = {}, expects = {}, lags } = step
  const status = fails?.status ?? operation.answer.status
  const members = membersOf(step)
  const hasJson = operation.answer.schema !== undefined || fails !== undefined
  const expected = Object.entries(expects)
  const isLate = expected.map(([member, value]) => `answer${access(member)} !== ${text(value)}`).join(" || ")
  const asLongAs = [
    `const tries = Number(pm.collectionVariables.get("tries") ?? 0)`,
    `if ((${isLate}) && tries < ${TRIES_MAX}) {`,
    `  pm.collectionVariables.set("tries", tries + 1)`,
    `  setTimeout(() => {}, ${PAUSE_MS})`,
    `  pm.execution.setNextRequest(pm.info.requestName)`,
    `  return`,
    `}`,
  ]
  const body = [
    `pm.test("answers ${status}", () => pm.response.to.have.status(${status}))`,
    ...(hasJson ? [`const answer = pm.response.json()`] : []),
    ...(lags ? asLongAs : []),
    ...(members.length > 0
      ? [
          `pm.test("has its members", () => pm.expect(answer).to.include.all.keys(${members.map((one) => text(one)).join(", ")}))`,
        ]
      : []),
    ...expected.map(
      ([member, value]) =>
        `pm.test(${text(`${member} is ${text(value)}`)}, () => pm.expect(answer${access(member)}).to.eql(${text(value)}))`,
    ),
    ...Object.entries(saves).map(([name, from]) =>
      "member" in from
        ? `pm.collectionVariables.set(${text(name)}, answer${access(from.member)})`
        : `pm.collectionVariables.set(${text(name)}, pm.response.headers.get(${text(from.header)}))`,
    ),
  ]
  return lags ? [`;(() => {`, ...body.map((line) => `  ${line}`), `})()`] : body
}

function itemOf(step: Step) {
  const { title, method, path, query, headers, body } = requestOf(step)
  const asked = Object.entries(query).map(([key, value]) => ({ key, value }))
  const search = asked.length > 0 ? `?${asked.map(({ key, value }) => `${key}=${value}`).join("&")}` : ""
  return {
    name: title,
    event: [{ listen: "test", script: { type: "text/javascript", exec: testsOf(step) } }],
    request: {
      method,
      description: step.operation.description,
      header: Object.entries(headers).map(([key, value]) => ({ key, value })),
      ...(body !== undefined && {
        body: { mode: "raw", raw: JSON.stringify(body, null, 2), options: { raw: { language: "json" } } },
      }),
      url: {
        raw: `{{baseUrl}}${path}${search}`,
        host: ["{{baseUrl}}"],
        path: path.split("/").slice(1),
        ...(asked.length > 0 && { query: asked }),
      },
    },
  }
}

export const postmanCollection = () => ({
  info: { name: "Chat backend", description: DESCRIPTION, schema: FORMAT },
  item: JOURNEY.map(({ name, steps }) => ({ name, item: steps.map(itemOf) })),
  variable: Object.entries(SETTINGS).map(([key, value]) => ({ key, value })),
})
