import type { AddressInfo } from "node:net"
import { createServer, type Server, type Socket } from "node:net"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, unknownToken } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Accepts connections and sends nothing, like a server that is frozen or behind a broken network. */
let silent: Server
const sockets: Socket[] = []
beforeAll(async () => {
  silent = createServer((socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  silent.close()
})

const hanging = () => ({ MYSQL_URL: `mysql://chat:chat@127.0.0.1:${(silent.address() as AddressInfo).port}/chat` })

test("while MySQL hangs, hundreds of reads at once are all 503 within seconds", async () => {
  const answers = await withEnvironment(hanging(), () =>
    Promise.all(Array.from({ length: 600 }, () => api.getApplication(unknownToken()))),
  )
  for (const answer of answers) expectUnavailable(answer)
})

test("while MySQL hangs, creations are accepted at once", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await withEnvironment(hanging(), async () => {
    const started = performance.now()
    expectStatus(await api.createMessage(token, chat), 201)
    expectStatus(await api.createApplication(), 201)
    expect(performance.now() - started).toBeLessThan(500)
  })
})
