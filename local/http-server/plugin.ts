/**
 * The plugin that puts our gateway (gateway.ts) in the place of the emulator's HTTP server, and keeps a second server from
 * starting. serverless-offline makes its server itself, so the methods of that class are replaced: those that are told
 * the routes, and those that start and stop it. The second server takes function calls by the AWS SDK: nothing here
 * makes any, and it would let any web page call any function with any event, past CORS and the admin key.
 */
import { createRequire } from "node:module"
import { resolve } from "node:path"
import { stop as stopEsbuild } from "esbuild"
import { collectGarbageSoon } from "./garbage.ts"
import { createGateway, type GatewayFunction } from "./gateway.ts"

type Definition = { name: string; memorySize?: number; timeout?: number }
type Serverless = {
  config: { servicePath: string }
  service: {
    provider: { memorySize?: number; timeout?: number }
    custom?: { "serverless-offline"?: { location?: string } }
    getFunction(key: string): Definition
  }
}
type HttpEvent = { isHttpApi?: boolean; routeKey?: string }
type HttpServer = {
  createServer(): Promise<void>
  createRoutes(functionKey: string, event: HttpEvent, handler: string): void
  createResourceRoutes(): void
  create404Route(): void
  writeRoutesTerminal(): void
  start(): Promise<void>
  stop(limitMs: number): Promise<void>
}
type LambdaServer = { start(): Promise<void>; stop(): Promise<void> }
type ServerModule<Server> = { default: { prototype: Server } }

/** AWS's defaults. */
const MEMORY_MB = 1024
const TIMEOUT_S = 6
const HOST = "localhost"
const PORT = 3000

/** Returns the prototype of a server that serverless-offline does not export. Without it the API does not start. */
async function serverOf<Server>(path: string): Promise<Server> {
  const url = new URL(path, import.meta.resolve("serverless-offline"))
  return ((await import(url.href)) as ServerModule<Server>).default.prototype
}

/** A class, because serverless creates its plugins with `new`. */
export class HttpServerPlugin {
  readonly hooks: Record<string, () => Promise<void>>
  readonly #serverless: Serverless
  readonly #options: { host?: string; httpPort?: number }

  constructor(serverless: Serverless, cliOptions: object) {
    this.#serverless = serverless
    this.#options = cliOptions
    const replace = () => this.#replaceServers()
    this.hooks = { "before:offline:start": replace, "before:offline:start:init": replace }
  }

  async #replaceServers(): Promise<void> {
    const functions = new Map<string, GatewayFunction>()
    let gateway: ReturnType<typeof createGateway> | undefined
    const server = await serverOf<HttpServer>("./events/http/HttpServer.js")
    server.createServer = async () => {}
    server.createRoutes = (functionKey, { isHttpApi, routeKey }, handler) => {
      if (!isHttpApi || routeKey === undefined) throw new Error(`${functionKey}: only httpApi events are supported`)
      functions.set(routeKey, this.#functionOf(functionKey, handler))
    }
    for (const name of ["createResourceRoutes", "create404Route", "writeRoutesTerminal"] as const)
      server[name] = () => {}
    server.start = async () => {
      const { host = HOST, httpPort = PORT } = {
        ...this.#serverless.service.custom?.["serverless-offline"],
        ...this.#options,
      }
      gateway = createGateway(functions)
      await gateway.listen(httpPort, host)
      // Bundles are made once, and the process that made them has 100 MB.
      await stopEsbuild()
      collectGarbageSoon()
    }
    server.stop = async (limitMs) => gateway?.close(limitMs)
    const lambdaServer = await serverOf<LambdaServer>("./lambda/HttpServer.js")
    lambdaServer.start = async () => {}
    lambdaServer.stop = async () => {}
  }

  #functionOf(key: string, handler: string): GatewayFunction {
    const { service, config } = this.#serverless
    const { name, memorySize, timeout } = service.getFunction(key)
    // Where serverless-esbuild has put the bundles.
    const folder = resolve(config.servicePath, service.custom?.["serverless-offline"]?.location ?? "")
    const [, path = "", member = ""] = /^(.+)\.([^./]+)$/.exec(handler) ?? []
    return {
      name,
      memorySize: memorySize ?? service.provider.memorySize ?? MEMORY_MB,
      timeoutMs: (timeout ?? service.provider.timeout ?? TIMEOUT_S) * 1_000,
      load: () => createRequire(import.meta.url)(resolve(folder, `${path}.js`))[member],
    }
  }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { HttpServerPlugin as "module.exports" }
