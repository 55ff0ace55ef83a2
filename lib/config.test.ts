import { describe, expect, test } from "@jest/globals"
import { adminKeysOf, readConfig, retentionOf } from "./config.ts"
import { queueUrlsAt } from "./queue/queues.ts"

const URLS = {
  MYSQL_URL: "mysql://chat@127.0.0.1/chat",
  REDIS_URL: "redis://127.0.0.1",
  ELASTICSEARCH_URL: "http://127.0.0.1:9200",
  ...queueUrlsAt("http://127.0.0.1"),
}
const KEY = "abcdefghijklmnopqrstuvw!"
const OTHER = "ABCDEFGHIJKLMNOPQRSTUVW+"

describe("the queues", () => {
  const { MYSQL_URL, REDIS_URL, ELASTICSEARCH_URL } = URLS
  const others = { MYSQL_URL, REDIS_URL, ELASTICSEARCH_URL }

  test("of an emulator, are found by its address and their names", () => {
    expect(readConfig({ ...others, SQS_ENDPOINT: "http://127.0.0.1:9324/" })).toMatchObject({
      PERSIST_QUEUE_URL: "http://127.0.0.1:9324/000000000000/persist-writes",
      PERSIST_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:9324/000000000000/persist-writes-dead-letters",
      INDEX_QUEUE_URL: "http://127.0.0.1:9324/000000000000/index-messages",
      INDEX_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:9324/000000000000/index-messages-dead-letters",
    })
  })

  test("whose variable is set, are where it says", () => {
    const given = { ...others, SQS_ENDPOINT: "http://127.0.0.1:9324", INDEX_QUEUE_URL: "http://127.0.0.1/mine" }
    expect(readConfig(given)).toMatchObject({
      PERSIST_QUEUE_URL: "http://127.0.0.1:9324/000000000000/persist-writes",
      INDEX_QUEUE_URL: "http://127.0.0.1/mine",
    })
  })

  test("in the cloud, are refused by the name of each variable that is missing", () => {
    expect(() => readConfig({ ...URLS, INDEX_QUEUE_URL: "" })).toThrow(/^Wrong configuration\. INDEX_QUEUE_URL: /)
    expect(() => readConfig(others)).toThrow(
      /PERSIST_QUEUE_URL: .*PERSIST_DEAD_LETTER_QUEUE_URL: .*INDEX_QUEUE_URL: .*INDEX_DEAD_LETTER_QUEUE_URL: /,
    )
  })
})

describe("a reader of MySQL", () => {
  const MYSQL_READER_URL = "mysql://chat:secret@reader/chat"
  test.each([
    ["neither setting", {}, undefined],
    ["the URL alone", { MYSQL_READER_URL }, 2_000],
    ["the lag alone", { MYSQL_READER_LAG_MS: "500" }, 500],
    ["both", { MYSQL_READER_URL, MYSQL_READER_LAG_MS: "500" }, 500],
  ])("with %s: stored events are retained for as long", (_which, given, lagMs) => {
    expect(retentionOf(readConfig({ ...URLS, ...given }))).toBe(lagMs)
  })

  test.each(["0", "99", "60001", "soon"])("a lag of %s: is refused", (lag) => {
    expect(() => readConfig({ ...URLS, MYSQL_READER_LAG_MS: lag })).toThrow("MYSQL_READER_LAG_MS")
  })
})

describe("ADMIN_API_KEY", () => {
  test.each([
    [KEY, [KEY]],
    [`${KEY},${OTHER}`, [KEY, OTHER]],
    [` ${KEY} ,\n${OTHER}\t`, [KEY, OTHER]],
    [`${KEY} ${OTHER}`, [KEY, OTHER]],
  ])("%p, is taken as %p", (text, keys) => {
    expect(adminKeysOf(readConfig({ ...URLS, ADMIN_API_KEY: text }).ADMIN_API_KEY ?? "")).toEqual(keys)
  })

  test.each([
    ["too short", KEY.slice(1)],
    ["one of two too short", `${KEY},${OTHER.slice(1)}`],
    ["with a letter beyond ASCII", `${KEY}ü`],
    ["with a control character", `${KEY}\u0007`],
    ["three keys", `${KEY},${OTHER},${KEY}x`],
    ["only separators", " , "],
  ])("%s, is refused in words that do not repeat it", (_what, text) => {
    const read = () => readConfig({ ...URLS, ADMIN_API_KEY: text })
    expect(read).toThrow(/^Wrong configuration\. ADMIN_API_KEY: must be one key or two, .* at least 24 visible ASCII/)
    expect(read).not.toThrow(/bcdefghij|BCDEFGHIJ/)
  })

  const cloud = { ...URLS, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" }
  test.each([{}, { ADMIN_API_KEY: "" }])("missing (%p) in the cloud, is refused", (given) => {
    expect(() => readConfig({ ...cloud, ...given })).toThrow("ADMIN_API_KEY: is required in the cloud")
  })

  test("missing on a machine, behind an emulated queue or where commands run, is taken", () => {
    for (const given of [URLS, { ...cloud, SQS_ENDPOINT: "http://127.0.0.1:9324" }])
      expect(readConfig(given).ADMIN_API_KEY).toBeUndefined()
    expect(readConfig({ ...cloud, ADMIN_API_KEY: KEY }).ADMIN_API_KEY).toBe(KEY)
  })
})
