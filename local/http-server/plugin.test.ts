import { expect, test } from "@jest/globals"
import { HttpServerPlugin } from "./plugin.ts"

test("the emulator's server for calls by the AWS SDK: is never started, so no page can call a function past the API", async () => {
  const plugin = new HttpServerPlugin({} as never, {})
  await plugin.hooks["before:offline:start:init"]?.()
  const url = new URL("./lambda/HttpServer.js", import.meta.resolve("serverless-offline"))
  const { default: LambdaServer } = await import(url.href)
  const routesAsked: string[] = []
  const functions = new Proxy({}, { get: (_, name) => routesAsked.push(String(name)) })
  const server = new LambdaServer({ host: "127.0.0.1", lambdaPort: 0 }, functions)
  await server.start()
  await server.stop(0)
  expect(routesAsked).toEqual([])
})
