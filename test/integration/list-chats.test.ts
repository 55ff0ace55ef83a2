import { describe, expect, test } from "@jest/globals"
import { describeAway, listAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { describeList } from "../steps/list-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

describe("the list of an application's chats", () => {
  test.each(STAGES)("shows each as it is, without the deleted ones, writes being %s", async (stage) => {
    const token = await api.givenApplication()
    for (const name of ["one", "two", "three"]) await api.givenChat(token, name)
    await reach(stage, stores())
    expectStatus(await api.updateChat(token, 1, { name: null }), 200)
    expectStatus(await api.deleteChat(token, 2), 204)
    await api.givenChat(token, "four")
    for (const _ of [1, 2]) {
      const { data } = expectStatus(await api.listChats(token), 200)
      expect(data).toMatchObject([
        { number: 1, name: null },
        { number: 3, name: "three" },
        { number: 4, name: "four" },
      ])
      expect(data[0]).toEqual(expectStatus(await api.getChat(token, 1), 200))
      await reach(stage, stores())
    }
  })

  test.each(STAGES)("of an application without any is empty, %s", async (stage) => {
    const token = await api.givenApplication()
    await reach(stage, stores())
    expect(expectStatus(await api.listChats(token), 200)).toEqual({ data: [], next_cursor: null })
  })
})

const givenChats = async (count: number) => {
  const token = await api.givenApplication()
  const keys: number[] = []
  for (let index = 0; index < count; index++) keys.push(await api.givenChat(token))
  return { path: `/applications/${token}/chats`, keys }
}

describeList(api, { given: givenChats, key: "number", other: async () => (await givenChats(1)).path })
describeMissing(api, stores, TARGETS.listChats)
describeAway(api, stores, TARGETS.listChats, listAway())
