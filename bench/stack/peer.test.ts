import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { askedOf, makeChat, type Peer, readPeer } from "./peer.ts"

const REQUEST = { method: "GET", path: "/" } as const
const peerAt = (url: string, more: Partial<Peer> = {}): Peer => ({
  ...{ name: "another", url, headers: {}, setup: [], create: REQUEST, list: REQUEST, search: REQUEST },
  ...more,
})

describe("the description of another API", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chat-peer-"))
  })
  afterEach(() => rm(folder, { recursive: true }))

  test("that is the example, is read, and its requests are filled with what the setup took", async () => {
    const peer = await readPeer(join(ROOT, "bench", "peers", "this.json"))
    expect(askedOf(peer, peer.list, { token: "t", chat: "3" })).toEqual({
      ...{ method: "GET", path: "/applications/t/chats/3/messages?order=desc&limit=20", headers: {} },
    })
  })

  test.each([
    ["{", "is not JSON"],
    ['{"name":"x"}', "url:"],
    [JSON.stringify({ ...peerAt("ftp://127.0.0.1") }), "url:"],
    [JSON.stringify({ ...peerAt("http://127.0.0.1"), create: { path: "x" } }), "create.path:"],
    [JSON.stringify({ ...peerAt("http://127.0.0.1"), more: 1 }), 'Unrecognized key: "more"'],
  ])("%s: is refused with the name of what is wrong", async (text, reason) => {
    const path = join(folder, "peer.json")
    await writeFile(path, text)
    await expect(readPeer(path)).rejects.toThrow(reason)
  })

  test("that is not there, is refused", async () => {
    await expect(readPeer(join(folder, "none.json"))).rejects.toThrow("none.json cannot be read")
  })

  test("whose request has a name that the setup does not take, is refused", () => {
    const request = { method: "POST", path: "/chats", body: { of: "{user}" } } as const
    expect(() => askedOf(peerAt("http://127.0.0.1"), request, { chat: "1" })).toThrow('the setup takes no "user"')
  })
})

describe("a chat of another API", () => {
  let server: Server
  let url: string
  const heard: string[] = []
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = ""
      for await (const part of request) body += part
      heard.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`)
      response.statusCode = request.url === "/refused" ? 403 : 201
      response.end(JSON.stringify({ data: { id: heard.length, list: ["a"] } }))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  beforeEach(() => {
    heard.length = 0
  })
  afterAll(() => {
    server.close()
  })

  test("is made by the steps of the setup, each with what those before took", async () => {
    const setup: Peer["setup"] = [
      { method: "POST", path: "/users", body: { name: "one" }, take: { user: "data.id" } },
      { method: "PUT", path: "/chats/{user}", body: ["{user}", 1, null], take: { chat: "data.list.0" } },
    ]
    const values = await makeChat(peerAt(url, { setup, headers: { authorization: "Bearer x" } }))
    expect(values).toEqual({ user: "1", chat: "a" })
    expect(heard).toEqual(['POST /users Bearer x {"name":"one"}', 'PUT /chats/1 Bearer x ["1",1,null]'])
  })

  test("that is refused, or whose answer lacks what is taken, is an error that names the step", async () => {
    const refused = peerAt(url, { setup: [{ method: "POST", path: "/refused", take: {} }] })
    await expect(makeChat(refused)).rejects.toThrow("another, POST /refused: answered 403")
    const lacking = peerAt(url, { setup: [{ method: "POST", path: "/chats", take: { chat: "data.number" } }] })
    await expect(makeChat(lacking)).rejects.toThrow('another, POST /chats: the answer has no text at "data.number"')
  })
})
