// Shows the OpenAPI document with Scalar's API reference. The document has an address and a token as examples, in
// parameters and in code alike: here both become those of the reader.
/* global Scalar */

/** The address in the document's code samples. */
const SAMPLE_URL = "https://chat.example.com"
const access = document.querySelector("#access")

// The page explained errors itself once, and their `type` led to them here.
const [, code] = /^#error-([a-z_]+)$/.exec(location.hash) ?? []
if (code) location.replace(`problems/${code}`)

/** Returns the page's own link to an operation, such as #create-message, as Scalar has it. */
function linkOf(id) {
  const operations = Object.values(JSON.parse(text).paths).flatMap((path) => Object.values(path))
  const operation = operations.find(({ operationId }) => operationId === id)
  return operation && `#tag/${operation.tags[0]}/${id}`
}

const text = await (await fetch("openapi.json")).text()
const exampleToken = JSON.parse(text).paths["/applications/{token}"].get.parameters[0].example

/** Returns the document with the reader's token wherever the example stood. */
function documentOf(token) {
  const own = token === "" ? text : text.replaceAll(exampleToken, JSON.stringify(token).slice(1, -1))
  const document = JSON.parse(own.replaceAll(SAMPLE_URL, location.origin))
  for (const path of Object.values(document.paths))
    for (const { parameters = [] } of Object.values(path))
      parameters.filter(({ required }) => !required).forEach(untick)
  return document
}

/** Leaves a parameter that may be left out of the first request, and of the code. */
function untick(parameter) {
  parameter.examples = { default: { value: parameter.example, "x-disabled": true } }
  delete parameter.example
}

/** Sends a request; asks before it deletes. A copy of the request would take its body. */
async function send(input, init) {
  const method = init?.method ?? input.method
  const url = input.url ?? input
  if (method === "DELETE" && !confirm(`Delete ${new URL(url).pathname}? It does not come back.`))
    throw new Error("Not sent")
  return fetch(input, init)
}

function configuration() {
  const { token, adminKey } = Object.fromEntries(new FormData(access))
  return {
    content: documentOf(token.trim()),
    customFetch: send,
    authentication: { preferredSecurityScheme: "AdminKey", securitySchemes: { AdminKey: { value: adminKey.trim() } } },
    // Links to an operation are #create-message, and so on.
    generateOperationSlug: ({ operationId, method, path }) => operationId ?? `${method}${path}`,
    generateTagSlug: ({ name = "" }) => name,
    defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
    operationTitleSource: "summary",
    // Nothing is kept, and nothing calls elsewhere.
    persistAuth: false,
    agent: { disabled: true },
    mcp: { disabled: true },
    hideClientButton: true,
    showDeveloperTools: "never",
    telemetry: false,
    withDefaultFonts: false,
  }
}

/** What axe finds in Scalar's elements, and how it is mended. */
const MENDS = {
  // A combobox says whether its list is open.
  '[role="combobox"]:not([aria-expanded])': (box) => box.setAttribute("aria-expanded", "false"),
  // Two operations with the same answers would be two regions of the same name.
  '.response-card[role="region"]': (card) => card.setAttribute("role", "group"),
  // What Scalar shows there looks like a key that somebody has lost.
  'input[placeholder^="QUx"]': (input) => input.setAttribute("placeholder", "Enter it at the top"),
  // A button is a button, and names no element that there is not.
  'button[role="none"]': (button) => button.removeAttribute("role"),
  '[class*="copy-button"][aria-controls]': (button) => button.removeAttribute("aria-controls"),
  // Text that scrolls can be reached by the keyboard, and has a name.
  '.cm-scroller[tabindex="-1"]': (scroller) => scroller.setAttribute("tabindex", "0"),
  ".cm-content:not([aria-label])": (content) => content.setAttribute("aria-label", "Body"),
  // The page and the editor of a request have their own notes, and while that is open the page cannot be reached.
  'section[aria-label="Notifications alt+T"]': (notes, index) => {
    if (index > 0) notes.setAttribute("aria-label", "Notifications of the request")
  },
  main: (main, index, mains) => {
    if (index === 0 && main.inert !== mains.length > 1) main.inert = mains.length > 1
  },
}
let isMending = false
const mend = () => {
  isMending = false
  for (const [selector, change] of Object.entries(MENDS)) document.querySelectorAll(selector).forEach(change)
}
new MutationObserver(() => {
  if (!isMending) requestAnimationFrame(mend)
  isMending = true
}).observe(document.body, { childList: true, subtree: true })

const link = linkOf(location.hash.slice(1))
if (link) history.replaceState(null, "", link)

const reference = Scalar.createApiReference("#reference", configuration())

access.addEventListener("change", () => reference.updateConfiguration(configuration()))
access.addEventListener("submit", (event) => event.preventDefault())
