// A headless Chromium of this machine, and what is wrong with a page in it.
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import axe from "axe-core"
import { type Browser, type ElementHandle, launch, type Page } from "puppeteer-core"

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
/** A busy machine takes many times as long as an idle one, for which a second is much. */
export const LIMIT_MS = 60_000
/** Long enough for what comes into view to be made. */
const SCROLL_PAUSE_MS = 60

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Returns the path of a Chromium: that of CHROMIUM, or one in the PATH. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter)
  const paths = folders.flatMap((folder) => PROGRAMS.map((program) => join(folder, program)))
  return [process.env.CHROMIUM, ...paths].find((path) => path !== undefined && isProgram(path))
}

/** A page of a width, in light or dark. */
export type Look = { width: number; scheme: "light" | "dark" }

export type Opened = {
  page: Page
  /** What the page has done that it must not: errors in the console, and requests to other origins. */
  faults: string[]
}

export async function startBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error("there is no Chromium")
  // Its sandbox needs rights that root in a container lacks; the page is ours.
  return launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"], timeout: LIMIT_MS })
}

/** Opens a page and notes its faults. */
export async function open(browser: Browser, url: string, { width, scheme }: Look): Promise<Opened> {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  const faults: string[] = []
  page.setDefaultTimeout(LIMIT_MS)
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn") faults.push(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => faults.push(`thrown: ${error}`))
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol.startsWith("http") && origin !== new URL(url).origin) faults.push(`asks elsewhere: ${request.url()}`)
  })
  await page.setViewport({ width, height: 900 })
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: scheme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ])
  await page.goto(url, { waitUntil: "networkidle0" })
  return { page, faults }
}

/** Returns the findings of axe with all its default rules, each with the first element that it names. */
export async function axeFindings(page: Page): Promise<string[]> {
  // An evaluated script is not subject to the page's policy.
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults
  return violations.map(
    ({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ""}`,
  )
}

/** Returns by how many pixels the page is wider than the window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") as Promise<number>

/** Scrolls through the page, since what is below the window is made when it is reached. */
export const readAll = (page: Page): Promise<unknown> =>
  page.evaluate(`(async () => {
    for (let top = 0; top < document.documentElement.scrollHeight; top += innerHeight / 2) {
      scrollTo(0, top)
      await new Promise((resolve) => setTimeout(resolve, ${SCROLL_PAUSE_MS}))
    }
  })()`)

/** Presses the first visible element of a selector whose text has these words; waits until there is one. */
export async function press(page: Page, selector: string, words: string): Promise<void> {
  const found = await page.waitForFunction(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].find(
      (element) => element.checkVisibility() && element.textContent.includes(${JSON.stringify(words)}))`,
  )
  const element = found.asElement()
  if (element === null) throw new Error(`${selector} with ${words} is no element`)
  await (element as ElementHandle<never>).click()
}
