// npm run check:docs [-- http://host:port] [--screenshot FILE]: opens the docs page of a running API in a headless
// Chromium as a reader would, on a phone and on a desktop, in light and dark: finds a call, sends it and reads the answer.
// Exits 1 if anything is wrong, and 2 if there is no Chromium.
import assert from "node:assert/strict"
import { stat } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import type { Browser, Page } from "puppeteer-core"
import { adminKeysOf } from "../lib/config.ts"
import {
  axeFindings,
  findChromium,
  LIMIT_MS,
  type Look,
  open,
  overflow,
  press,
  readAll,
  startBrowser,
} from "./docs-browser.ts"

const LOOKS: Look[] = [390, 1_280].flatMap((width) => [
  { width, scheme: "light" },
  { width, scheme: "dark" },
])
const DESKTOP: Look = { width: 1_280, scheme: "light" }
const SCREENSHOT_HEIGHT = 720
/** The README shows the image, and every clone of the repository has it. */
const SCREENSHOT_BYTES_MAX = 200_000
const NO_CHROMIUM = 2
const POLL_MS = 200
const SAMPLE_TOKEN = "token-of-a-reader"

const { values, positionals } = parseArgs({ options: { screenshot: { type: "string" } }, allowPositionals: true })
const base = (positionals[0] ?? `http://localhost:${process.env.PORT ?? 3_000}`).replace(/\/$/, "")
const [adminKey = ""] = adminKeysOf(process.env.ADMIN_API_KEY ?? "")

async function call(method: string, path: string, body?: object): Promise<Response> {
  const headers = { "content-type": "application/json", ...(adminKey && { "x-api-key": adminKey }) }
  return fetch(base + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
}

/** Creates an application and returns its token. */
async function givenApplication(): Promise<string> {
  const answer = await call("POST", "/applications", { name: "Read by a browser" })
  assert.equal(answer.status, 201, await answer.clone().text())
  return ((await answer.json()) as { token: string }).token
}

/** Waits until `holds` returns true. Throws an error with `message` if that takes longer than a slow machine needs. */
async function eventually(holds: () => Promise<boolean>, message: string): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; !(await holds()); await sleep(POLL_MS))
    if (Date.now() > deadline) throw new Error(message)
}

async function enterKeys(page: Page, token: string): Promise<void> {
  await page.type('input[name="token"]', token)
  await page.type('input[name="adminKey"]', adminKey)
  await page.keyboard.press("Tab")
}

/** Finds an operation by the search, and waits until the page is there. */
async function find(page: Page, words: string, link: string): Promise<void> {
  await page.keyboard.down("Control")
  await page.keyboard.press("k")
  await page.keyboard.up("Control")
  await (await page.waitForSelector('[role="search"] input', { visible: true }))?.type(words)
  const option = await page.waitForSelector(`[role="option"][id$="${link.slice(1)}"]`, { visible: true })
  assert.deepEqual(await axeFindings(page), [], "the search")
  await option?.click()
  await page.waitForFunction(`location.hash === ${JSON.stringify(link)}`)
}

/** Opens the editor of an operation's request. */
async function edit(page: Page, method: string, path: string): Promise<void> {
  await press(page, ".show-api-client-button", `(${method} ${path})`)
  await page.waitForSelector('[role="dialog"], .scalar-client', { visible: true })
}

const waitForText = (page: Page, text: string) =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`)

/** Asserts that nothing is wrong with the page as it is now. */
async function expectSound(page: Page, faults: string[], what: string): Promise<void> {
  assert.deepEqual(await axeFindings(page), [], what)
  assert.equal(await overflow(page), 0, `${what}: wider than the window`)
  assert.deepEqual(faults, [], what)
}

async function readPage(browser: Browser, look: Look): Promise<void> {
  const { page, faults } = await open(browser, `${base}/docs#list-messages`, look)
  await page.waitForFunction('location.hash === "#tag/messages/list-messages" && scrollY > innerHeight')
  await readAll(page)
  await expectSound(page, faults, "the page")
  await page.browserContext().close()
}

async function readProblem(browser: Browser, look: Look): Promise<void> {
  const { page, faults } = await open(browser, `${base}/docs#error-not_found`, look)
  await page.waitForFunction('location.pathname === "/problems/not_found"')
  await waitForText(page, "What to do")
  await expectSound(page, faults, "the page of an error")
  await page.browserContext().close()
}

/** Chooses the sample of our client, which has the reader's token. */
async function chooseSample(browser: Browser, look: Look): Promise<void> {
  const { page, faults } = await open(browser, `${base}/docs#get-application`, look)
  await enterKeys(page, SAMPLE_TOKEN)
  await press(page, '[id$="tag/applications/get-application"] button', "Shell Curl")
  await press(page, '[role="option"]', "chat-backend-client")
  await waitForText(page, `client.application("${SAMPLE_TOKEN}")`)
  await waitForText(page, `new ChatClient({ url: "${base}" })`)
  await expectSound(page, faults, "a sample")
  await page.browserContext().close()
}

async function send(browser: Browser, look: Look): Promise<void> {
  const token = await givenApplication()
  const { page, faults } = await open(browser, `${base}/docs`, look)
  await enterKeys(page, token)
  await find(page, "read an application", "#tag/applications/get-application")
  await edit(page, "get", "/applications/{token}")
  await press(page, "button", "Send")
  await waitForText(page, '"name": "Read by a browser"')
  await expectSound(page, faults, "the answer")
  assert.ok(!String(await page.evaluate("JSON.stringify(localStorage)")).includes(token), "the token is stored")
  await page.browserContext().close()
}

/** Sends a request with a body. */
async function change(browser: Browser, look: Look): Promise<void> {
  const token = await givenApplication()
  const { page, faults } = await open(browser, `${base}/docs#update-application-by-patch`, look)
  await enterKeys(page, token)
  await edit(page, "patch", "/applications/{token}")
  await press(page, "button", "Send")
  const nameOf = async () => ((await (await call("GET", `/applications/${token}`)).json()) as { name: string }).name
  await eventually(async () => (await nameOf()) !== "Read by a browser", "not changed")
  await waitForText(page, `"name": "${await nameOf()}"`)
  await expectSound(page, faults, "the answer to a body")
  await page.browserContext().close()
}

async function deleteApplication(browser: Browser, look: Look): Promise<void> {
  const token = await givenApplication()
  const { page, faults } = await open(browser, `${base}/docs#delete-application`, look)
  await enterKeys(page, token)
  const questions: string[] = []
  page.on("dialog", (dialog) => {
    questions.push(dialog.message())
    void (questions.length === 1 ? dialog.dismiss() : dialog.accept())
  })
  await edit(page, "delete", "/applications/{token}")
  await press(page, "button", "Send")
  await waitForText(page, "Not sent")
  assert.equal((await call("GET", `/applications/${token}`)).status, 200, "deleted without consent")
  await press(page, "button", "Send")
  await eventually(async () => (await call("GET", `/applications/${token}`)).status === 404, "not deleted")
  const question = `Delete /applications/${token}? It does not come back.`
  assert.deepEqual(questions, [question, question])
  // Scalar notes a request that was not sent.
  assert.deepEqual(faults, ["console: Error: Not sent"])
  await page.browserContext().close()
}

async function takeScreenshot(browser: Browser, path: `${string}.png`): Promise<void> {
  const { page } = await open(browser, `${base}/docs#create-message`, DESKTOP)
  await page.setViewport({ width: DESKTOP.width, height: SCREENSHOT_HEIGHT })
  await waitForText(page, "Create a message")
  await page.screenshot({ path })
  const { size } = await stat(path)
  assert.ok(size <= SCREENSHOT_BYTES_MAX, `${path} has ${size} bytes`)
  await page.browserContext().close()
}

if (findChromium() === undefined) {
  console.error("There is no Chromium: install it, or set CHROMIUM to its path.")
  process.exit(NO_CHROMIUM)
}
const browser = await startBrowser()
try {
  for (const look of LOOKS)
    for (const step of [readPage, chooseSample, send, change, deleteApplication, readProblem]) {
      await step(browser, look)
      console.log(`ok    ${step.name}, ${look.width} px, ${look.scheme}`)
    }
  if (values.screenshot !== undefined) await takeScreenshot(browser, values.screenshot as `${string}.png`)
} finally {
  await browser.close()
}
