/**
 * The plugin that has the emulator's HTTP server behave as extend-server.ts says. serverless-offline makes its server and
 * starts it within one call, so the only place to come between is the server's own `start`.
 */
import { extendServer, type HapiServer } from "./extend-server.ts"

type HttpServer = { getServer(): HapiServer; start(): Promise<void> }
type HttpServerModule = { default: { prototype: HttpServer } }

/** Part of serverless-offline, but not of what it exports; a test holds that it is there. */
const HTTP_SERVER = new URL("./events/http/HttpServer.js", import.meta.resolve("serverless-offline"))

async function extendEmulator(): Promise<void> {
  const { default: HttpServer } = (await import(HTTP_SERVER.href)) as HttpServerModule
  const { start } = HttpServer.prototype
  HttpServer.prototype.start = function () {
    extendServer(this.getServer())
    return start.call(this)
  }
}

/** A class, since serverless makes its plugins with `new`. */
export class HttpServerPlugin {
  readonly hooks = { "before:offline:start": extendEmulator, "before:offline:start:init": extendEmulator }
}

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { HttpServerPlugin as "module.exports" }
