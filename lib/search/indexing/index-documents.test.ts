import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals"
import { type GivenIndex, givenAlias, givenIndex, givenToken, writing } from "../../../test/steps/search-index.ts"
import { keyText } from "../../events.ts"
import { type FoldedQuery, fold } from "../folding/fold.ts"
import { searchIndex } from "../querying/query-index.ts"
import { isSearchAway, SearchIndexMissing } from "../search-errors.ts"
import { type IndexOperation, indexDocuments } from "./index-documents.ts"

const TIMEOUT_MS = 20_000
/** Enough to fold and index tens of megabytes on a busy machine. */
const LARGE_LIMIT_MS = 60_000
const AT = "2026-11-01T12:00:00.000Z"

let given: GivenIndex
let application: string
beforeAll(async () => {
  given = await givenIndex()
})
afterAll(() => given.remove())
beforeEach(() => {
  application = givenToken()
})

const written = (number: number, body: string, revision: number | bigint | string): IndexOperation =>
  writing({ application, chat: 1, message: number }, body, AT, BigInt(revision))
const deleted = (message: number, revision: number): IndexOperation => ({
  application,
  chat: 1,
  message,
  revision: String(revision),
  document: null,
})
const send = (operations: IndexOperation[]) =>
  indexDocuments(given.client, given.alias, operations, { timeoutMs: TIMEOUT_MS })

const idOf = (number: number) => ({
  index: given.alias,
  id: keyText({ application, chat: 1, message: number }),
  routing: application,
})

/** Returns what a search for `query` finds now, oldest first. */
const found = async (query: string) => {
  await given.client.indices.refresh({ index: given.alias })
  const request = {
    application,
    chat: 1,
    query: fold(query) as FoldedQuery,
    order: "asc",
    after: null,
    limit: 100,
    timeoutMs: TIMEOUT_MS,
  } as const
  return (await searchIndex(given.client, given.alias, request)).hits.map(({ number, body }) => `${number} ${body}`)
}

describe("indexDocuments", () => {
  test("new messages, indexed, are all done and found", async () => {
    const outcome = await send([written(1, "one fish", 10), written(2, "two fish", 11)])

    expect(outcome).toEqual({ done: new Set([0, 1]), failed: [] })
    expect(await found("fish")).toEqual(["1 one fish", "2 two fish"])
  })

  test("revisions of today's size, one microsecond apart, are told apart", async () => {
    await send([written(1, "newer", 1_793_534_400_000_001n)])

    await send([written(1, "older", 1_793_534_400_000_000n)])

    expect(await found("er")).toEqual(["1 newer"])
  })

  test("an older revision, sent late, is done and changes nothing", async () => {
    await send([written(1, "second", 20)])

    const outcome = await send([written(1, "first", 10), deleted(1, 15)])

    expect(outcome).toEqual({ done: new Set([0, 1]), failed: [] })
    expect(await found("s")).toEqual(["1 second"])
  })

  test("the same revision, sent again, is written again: a refusal would not say that it is on the disk", async () => {
    await send([written(1, "the same", 20)])
    const seqNo = async () => (await given.client.get({ ...idOf(1), realtime: true }))._seq_no ?? Number.NaN
    const first = await seqNo()

    expect(await send([written(1, "the same", 20)])).toEqual({ done: new Set([0]), failed: [] })

    expect(await seqNo()).toBeGreaterThan(first)
    expect(await found("same")).toEqual(["1 the same"])
  })

  test("documents whose shard has ended before they were confirmed, are not done, and are when sent again", async () => {
    const { client, alias } = given
    let requests = 0
    const interrupted = Object.create(client, {
      bulk: {
        value: async (...args: Parameters<typeof client.bulk>) => {
          const answer = await client.bulk(...args)
          // Closing an index ends its shards, and opening it begins another primary term.
          if (requests++ === 0) {
            await client.indices.close({ index: alias })
            await client.indices.open({ index: alias, wait_for_active_shards: 1 })
          }
          return answer
        },
      },
    })

    const outcome = await indexDocuments(interrupted, alias, [written(1, "kept", 1)], { timeoutMs: TIMEOUT_MS })

    expect(outcome.done.size).toBe(0)
    expect(outcome.failed).toMatchObject([{ index: 0, reason: "not confirmed", retryable: true }])
    expect((await send([written(1, "kept", 1)])).done).toEqual(new Set([0]))
    expect(await found("kept")).toEqual(["1 kept"])
  })

  test("several revisions of one message in one batch, out of order, end at the newest", async () => {
    await send([written(1, "b", 2), written(1, "c", 3), written(1, "a", 1)])

    expect([...(await found("a")), ...(await found("b")), ...(await found("c"))]).toEqual(["1 c"])
  })

  test("a delete, followed by the late index of an older revision, stays deleted", async () => {
    await send([written(1, "here", 10)])

    const outcomes = [await send([deleted(1, 20)]), await send([written(1, "here", 15)])]

    expect(outcomes.map(({ failed }) => failed)).toEqual([[], []])
    expect(await found("here")).toEqual([])
  })

  test("a delete that overtakes the creation, is done, and the creation never shows", async () => {
    const outcome = await send([deleted(1, 20), written(1, "ghost", 10)])

    expect(outcome).toEqual({ done: new Set([0, 1]), failed: [] })
    expect(await found("ghost")).toEqual([])
  })

  test("one operation that can never succeed, among others, fails alone and for good", async () => {
    const wrong = writing({ application, chat: 1, message: 2 }, "wrong", "yesterday", "1")

    const outcome = await send([written(1, "right", 1), wrong, written(3, "right", 1)])

    expect(outcome.done).toEqual(new Set([0, 2]))
    expect(outcome.failed).toMatchObject([{ index: 1, status: 400, retryable: false }])
    expect(outcome.failed[0]?.reason).toMatch("document_parsing_exception")
    expect(await found("right")).toHaveLength(2)
  })

  test("a closed index, written to, says that it may be tried again", async () => {
    await given.client.indices.close({ index: given.alias })

    const outcome = await send([written(1, "later", 1)]).finally(() =>
      given.client.indices.open({ index: given.alias, wait_for_active_shards: 1 }),
    )

    expect(outcome.done.size).toBe(0)
    expect(outcome.failed).toMatchObject([{ index: 0, status: 400, retryable: true }])
    expect((await send([written(1, "later", 1)])).failed).toEqual([])
  })

  test.each(["read_only_allow_delete", "write"])(
    "an index blocked by %s, written to, says that it may be tried again",
    async (block) => {
      const setBlock = (on: boolean) =>
        given.client.indices.putSettings({ index: given.alias, settings: { [`index.blocks.${block}`]: on } })
      await setBlock(true)

      const outcome = await send([written(1, "later", 1)]).finally(() => setBlock(false))

      expect(outcome.done.size).toBe(0)
      expect(outcome.failed).toMatchObject([{ index: 0, retryable: true }])
      expect((await send([written(1, "later", 1)])).failed).toEqual([])
    },
  )

  test(
    "more than a bulk request holds, the largest bodies among it, is indexed whole",
    async () => {
      // U+FDFA folds to 18 characters, 33 bytes for its 3, which makes the longest possible folded body.
      const operations = Array.from({ length: 30 }, (_, index) => written(index + 1, "\ufdfa".repeat(10_000), 1))

      const outcome = await send(operations)

      expect(outcome).toEqual({ done: new Set(operations.keys()), failed: [] })
      expect(await found("\ufdfa".repeat(256))).toHaveLength(30)
      expect(await found("الله")).toHaveLength(30)
    },
    LARGE_LIMIT_MS,
  )

  test("a revision that is no safe integer, given, is refused before anything is sent", async () => {
    await expect(send([written(1, "x", 2n ** 53n)])).rejects.toThrow("not a whole number below 2^53")
  })

  test("nothing to index, sent, does nothing", async () => {
    expect(await send([])).toEqual({ done: new Set(), failed: [] })
  })

  test("an alias without an index, written to, is a passing error and makes no index", async () => {
    const nothing = await givenAlias()
    try {
      const attempt = indexDocuments(nothing.client, nothing.alias, [written(1, "x", 1)], { timeoutMs: TIMEOUT_MS })

      await expect(attempt).rejects.toThrow(SearchIndexMissing)
      await attempt.catch((error) => expect(isSearchAway(error)).toBe(true))
      expect(await nothing.client.indices.exists({ index: nothing.alias })).toBe(false)
    } finally {
      await nothing.remove()
    }
  })
})
