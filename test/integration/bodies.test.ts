// Text comes back byte for byte through the outbox, MySQL and the search index.
import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { anyText, SAMPLES } from "../steps/scripts.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Every body contains this word, by which it is searched. */
const WORD = "needle"
const HARD: [string, string][] = [
  ["white space around and inside", ` \t\n ${WORD} \r\n\u00a0 `],
  [
    "every control character, NUL too",
    `${Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("")}${WORD}\u007f\u0080\u009f`,
  ],
  ["U+FFFE, U+FFFF and other noncharacters", `\ufffe${WORD}\uffff\ufdd0\u{1fffe}\u{10ffff}`],
  ["U+FFFD and a byte order mark", `\ufeff\ufffd${WORD}`],
  ["emoji with joiners and modifiers", `👨‍👩‍👧‍👦👍🏽🇩🇪❤️ ${WORD} 1️⃣🏴󠁧󠁢󠁥󠁮󠁧󠁿`],
  ["composed and decomposed letters side by side", `é e\u0301 ﬁ fi ${WORD} Å \u212b A\u030a`],
  ["marks without end", `z${"\u0301\u0316\u0489".repeat(200)}${WORD}`],
  ["right-to-left text and directional controls", `שָׁלוֹם \u202e${WORD}\u202c مُحَمَّد \u2066x\u2069`],
  ["what SQL, JSON, Lua and HTML take for syntax", `'"\`\\%_;--/*${WORD}*/</b>&amp;{}[]\\u0000\\0%s%%$1?:x`],
  ["the end of a tombstone's JSON", `${WORD}"deleted":true}`],
  ["an event in an event", `{"revision":"9","deleted":true} ${WORD}`],
  ["10,000 characters beyond U+FFFF", `${"🙂".repeat(10_000 - WORD.length)}${WORD}`],
  ["10,000 characters of three bytes", `${"文".repeat(10_000 - WORD.length)}${WORD}`],
  ["one character beyond U+FFFF", "𠮷"],
]

const roundTrip = async (bodies: string[]) => {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  for (const body of bodies) await api.givenMessage(token, chat, body)
  return { token, chat }
}

describe("a body", () => {
  test.each(HARD)("with %s, comes back as it went in, from the outbox, MySQL and search", async (_what, body) => {
    const { token, chat } = await roundTrip([body])
    for (const stage of ["pending", "stored"] as const) {
      await reach(stage, stores())
      expect(expectStatus(await api.getMessage(token, chat, 1), 200).body).toBe(body)
      expect(expectStatus(await api.listMessages(token, chat), 200).data[0].body).toBe(body)
    }
    const query = body.includes(WORD) ? WORD : body
    const { data } = expectStatus(await api.searchMessages(token, chat, { query }), 200)
    expect(data).toHaveLength(1)
    expect(data[0].body).toBe(body)
  })

  test("in any of many scripts, is found by its own words and comes back as it went in", async () => {
    const { token, chat } = await roundTrip([...SAMPLES])
    await reach("stored", stores())
    const { data } = expectStatus(await api.listMessages(token, chat, { limit: 100 }), 200)
    expect(data.map(({ body }: { body: string }) => body)).toEqual(SAMPLES)
    for (const sample of SAMPLES) {
      const query = [...sample].slice(0, 20).join("")
      const found = expectStatus(await api.searchMessages(token, chat, { query }), 200)
      expect(found.data.map(({ body }: { body: string }) => body)).toContain(sample)
    }
  })

  test("of any text, comes back as it went in after an update too", async () => {
    const text = fc.oneof(anyText, fc.string({ unit: "binary", maxLength: 200 })).filter((value) => value.trim() !== "")
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 4, maxLength: 12 }), async (bodies) => {
        const { token, chat } = await roundTrip(bodies.map(() => "before"))
        for (const [index, body] of bodies.entries())
          expectStatus(await api.updateMessage(token, chat, index + 1, { body }), 200)
        await reach("stored", stores())
        const { data } = expectStatus(await api.listMessages(token, chat), 200)
        expect(data.map(({ body }: { body: string }) => body)).toEqual(bodies)
      }),
      { numRuns: 15 },
    )
  })
})
