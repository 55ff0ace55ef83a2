/**
 * The plugin that has the emulator's HTTP server behave as extend-server.ts says, and no other server run beside it.
 * serverless-offline makes its server and starts it within one call, so the only place to come between is the server's own
 * `start`. Its second server takes calls of functions by the AWS SDK: nothing here makes any, and it would let any web page
 * call any function with an event of its own, past CORS and the admin key.
 */
import { extendServer, type HapiServer } from "./extend-server.ts"

type HttpServer = { getServer(): HapiServer; start(): Promise<void> }
type LambdaServer = { start(): Promise<void>; stop(): Promise<void> }
type ServerModule<Server> = { default: { prototype: Server } }

/** Part of serverless-offline, but not of what it exports: an API that does not find them does not start. */
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

/** A class, since serverless makes its plugins with `new`. */
export class HttpServerPlugin {
  readonly hooks = { "before:offline:start": extendEmulator, "before:offline:start:init": extendEmulator }
}

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { HttpServerPlugin as "module.exports" }
