/** The script of the docs page, which makes a form for each call. It inserts foreign text as text, never as HTML. */
export const docsScript = String.raw`
const main = document.querySelector("#calls")
const nav = document.querySelector("#contents")
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

const plain = (markdown) => markdown.replaceAll(String.fromCharCode(96), "")

// Paragraphs, and lists of lines that begin with a dash.
const paragraphs = (text) =>
  text.split("\n\n").map((part) => {
    if (!part.startsWith("- ")) return element("p", {}, part)
    return element("ul", {}, ...part.split("\n").map((line) => element("li", {}, line.slice(2))))
  })

const start = async () => {
  const api = await (await fetch("/openapi.json")).json()
  const resolve = (node) => (node && node.$ref ? node.$ref.slice(2).split("/").reduce((at, key) => at[key], api) : node)
  document.querySelector("#about").append(...paragraphs(plain(api.info.description)))
  main.replaceChildren()
  for (const { name: tag } of api.tags) {
    const section = element("section", { id: tag }, element("h2", {}, tag[0].toUpperCase() + tag.slice(1)))
    nav.insertBefore(element("a", { href: "#" + tag }, tag), nav.lastElementChild)
    for (const [path, item] of Object.entries(api.paths))
      for (const method of METHODS)
        if (item[method.toLowerCase()]?.tags[0] === tag)
          section.append(call(path, method, item[method.toLowerCase()], resolve))
    main.append(section)
  }
  const wanted = location.hash && document.getElementById(location.hash.slice(1))
  if (wanted) {
    wanted.open = true
    wanted.scrollIntoView()
  }
}

const call = (path, method, operation, resolve) => {
  const form = element("form")
  const parameters = (operation.parameters ?? []).map(resolve)
  for (const parameter of parameters) form.append(field(operation, parameter))
  const content = operation.requestBody?.content["application/json"]
  if (content) form.append(bodyField(operation, content, resolve))
  const output = element("div", { class: "output", role: "status" })
  form.append(element("button", {}, "Send"), output)
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    send(path, method, operation, parameters, new FormData(form), output)
  })
  const answers = element("dl", { class: "answers" })
  for (const [status, answer] of Object.entries(operation.responses))
    answers.append(element("dt", {}, status), element("dd", {}, plain(resolve(answer).description)))
  return element(
    "details",
    { id: operation.operationId },
    element(
      "summary",
      {},
      element("b", { class: "method " + method.toLowerCase() }, method),
      element("code", {}, path),
      element("span", {}, operation.summary),
    ),
    ...(operation.description ? [element("p", {}, plain(operation.description))] : []),
    form,
    element("h3", {}, "Answers"),
    answers,
  )
}

const field = (operation, { name, in: place, required, description, schema }) => {
  const id = operation.operationId + "-" + name
  const label = element("label", { for: id }, element("code", {}, name), required ? " (required) " : " ")
  if (description) label.append(element("small", {}, plain(description)))
  const attributes = { id, name, autocomplete: "off", spellcheck: "false", ...(required && { required: "" }) }
  if (schema.enum) {
    const options = ["", ...schema.enum].map((value) => element("option", { value }, value))
    return element("p", {}, label, element("select", attributes, ...options))
  }
  const placeholder = schema.default === undefined ? "" : String(schema.default)
  const input = element("input", { ...attributes, placeholder })
  // A token typed once fills every form.
  if (place === "path")
    input.addEventListener("change", () => {
      if (name === "number") return
      for (const other of document.getElementsByName(name)) if (!other.value) other.value = input.value
    })
  return element("p", {}, label, input)
}

const bodyField = (operation, content, resolve) => {
  const id = operation.operationId + "-body"
  const text = element("textarea", { id, name: " body", rows: "4", spellcheck: "false" })
  text.value = JSON.stringify(content.example, null, 2)
  const schema = element("details", {}, element("summary", {}, "Schema"))
  schema.append(element("pre", {}, JSON.stringify(resolve(content.schema), null, 2)))
  return element("div", { class: "body" }, element("label", { for: id }, "Body (JSON)"), text, schema)
}

const send = async (path, method, operation, parameters, values, output) => {
  let url = path
  const query = new URLSearchParams()
  const headers = {}
  const adminKey = document.querySelector("#admin-key").value.trim()
  if (operation.security && adminKey) headers.authorization = "Bearer " + adminKey
  for (const { name, in: place } of parameters) {
    const value = values.get(name)
    if (place === "path") url = url.replace("{" + name + "}", encodeURIComponent(value))
    else if (value !== "" && place === "query") query.set(name, value)
    else if (value !== "" && place === "header") headers[name] = value
  }
  if (query.size > 0) url += "?" + query
  const body = values.get(" body") || undefined
  if (body !== undefined) headers["content-type"] = "application/json"
  output.replaceChildren(element("p", {}, method + " " + url))
  try {
    const answer = await fetch(url, { method, headers, body })
    const text = await answer.text()
    const shown = ["location", "link", "retry-after", "idempotency-replayed", "ratelimit", "x-request-id"]
      .filter((name) => answer.headers.has(name))
      .map((name) => name + ": " + answer.headers.get(name))
    output.append(element("p", { class: answer.ok ? "good" : "bad" }, answer.status + " " + answer.statusText))
    output.append(element("pre", {}, [...shown, "", pretty(text)].join("\n")))
  } catch (error) {
    output.append(element("p", { class: "bad" }, "No answer: " + error.message))
  }
}

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

start().catch((error) => main.replaceChildren(element("p", { class: "bad" }, "The document could not be read: " + error.message)))
`
