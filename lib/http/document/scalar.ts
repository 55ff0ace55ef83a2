import { readFileSync } from "node:fs"
import { join } from "node:path"
import plugin from "@scalar/fastify-api-reference"

const LICENCE = join(
  import.meta.dirname,
  "..",
  "..",
  "..",
  "node_modules",
  "@scalar",
  "fastify-api-reference",
  "LICENSE",
)

type Reply = { header(name: string, value: string): Reply; send(content: string): Reply }
type Route = { url: string; handler(request: unknown, reply: Reply): unknown }

/**
 * Returns the script of Scalar's API reference, which its plugin for Fastify serves. That package has it whole, with no
 * more than a few others; `@scalar/api-reference` itself brings 284 packages and 311 MB to a file that is bundled already.
 * Throws if the plugin has no such route.
 */
export function readScalar(): string {
  let script = ""
  const reply: Reply = {
    header: () => reply,
    send: (content) => {
      script = content
      return reply
    },
  }
  const fastify = {
    route: ({ url, handler }: Route) => {
      if (url.endsWith(".js")) handler(undefined, reply)
    },
  }
  const register = plugin as unknown as (server: typeof fastify, options: object, next: () => void) => void
  register(fastify, { configuration: { url: "/openapi.json" } }, () => {})
  if (script === "") throw new Error("@scalar/fastify-api-reference serves no script")
  // Maps of the source would be asked for, and are not there.
  const own = script.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, "\n")
  return `/*! Scalar API Reference\n${readFileSync(LICENCE, "utf8").trim()}\n*/\n${own}`
}
