/**
 * The plugin that extends the emulator's HTTP server (extend-server.ts) and keeps a second server from starting.
 * serverless-offline creates and starts its server in one call, so the server's own `start` is the only place to hook
 * into. The second server takes function calls by the AWS SDK: nothing here makes any, and it would let any web page
 * call any function with any event, past CORS and the admin key.
 */
import { extendServer, type HapiServer } from "./extend-server.ts"

type HttpServer = { getServer(): HapiServer; start(): Promise<void> }
type LambdaServer = { start(): Promise<void>; stop(): Promise<void> }
type ServerModule<Server> = { default: { prototype: Server } }

/** Returns the prototype of a server that serverless-offline does not export. Without it the API does not start. */
async function serverOf<Server>(path: string): Promise<Server> {
  const url = new URL(path, import.meta.resolve("serverless-offline"))
  return ((await import(url.href)) as ServerModule<Server>).default.prototype
}

async function extendEmulator(): Promise<void> {
  const server = await serverOf<HttpServer>("./events/http/HttpServer.js")
  const { start } = server
  server.start = function () {
    extendServer(this.getServer())
    return start.call(this)
  }
  const lambdaServer = await serverOf<LambdaServer>("./lambda/HttpServer.js")
  lambdaServer.start = async () => {}
  lambdaServer.stop = async () => {}
}

/** A class, because serverless creates its plugins with `new`. */
export class HttpServerPlugin {
  readonly hooks = { "before:offline:start": extendEmulator, "before:offline:start:init": extendEmulator }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { HttpServerPlugin as "module.exports" }
