import { afterEach, describe, expect, jest, test } from "@jest/globals"
import { log } from "../log.ts"
import { keepSecret } from "./secret.ts"

const MINUTES_MS = 60_000
log.setLogLevel("SILENT")

/** Returns a secret whose text can be changed or made unreadable, a count of its reads, and a clock. */
function scene(first: string) {
  let text: string | Error = first
  let reads = 0
  const secret = keepSecret(async () => {
    reads++
    if (text instanceof Error) throw text
    return text
  })
  return {
    secret,
    reads: () => reads,
    becomes: (next: string | Error) => {
      text = next
    },
    afterMs(ms: number) {
      const now = Date.now() + ms
      jest.spyOn(Date, "now").mockReturnValue(now)
    },
  }
}

describe("a secret", () => {
  test("read again within two minutes: is fetched once, and gives the same object", async () => {
    const { secret, reads, afterMs } = scene('{"MYSQL_URL":"a"}')
    const values = await secret.read()
    afterMs(1.9 * MINUTES_MS)
    expect(await secret.read()).toBe(values)
    expect([values, reads()]).toEqual([{ MYSQL_URL: "a" }, 1])
  })

  test("read by many at once: is fetched once", async () => {
    const { secret, reads } = scene("{}")
    await Promise.all([secret.read(), secret.read(), secret.read()])
    expect(reads()).toBe(1)
  })

  test("changed: is new after two minutes", async () => {
    const { secret, becomes, afterMs } = scene('{"MYSQL_URL":"a"}')
    await secret.read()
    becomes('{"MYSQL_URL":"b"}')
    afterMs(2.1 * MINUTES_MS)
    expect(await secret.read()).toEqual({ MYSQL_URL: "b" })
  })

  test("doubted: is fetched again after ten seconds, and not before", async () => {
    const { secret, reads, becomes, afterMs } = scene('{"MYSQL_URL":"a"}')
    await secret.read()
    becomes('{"MYSQL_URL":"b"}')
    secret.doubt()
    expect([await secret.read(), reads()]).toEqual([{ MYSQL_URL: "a" }, 1])
    afterMs(11_000)
    expect([await secret.read(), reads()]).toEqual([{ MYSQL_URL: "b" }, 2])
    expect([await secret.read(), reads()]).toEqual([{ MYSQL_URL: "b" }, 2])
  })

  test("not to be fetched: keeps its last values, and throws if there are none", async () => {
    const { secret, becomes, afterMs } = scene('{"MYSQL_URL":"a"}')
    await secret.read()
    becomes(new Error("away"))
    afterMs(2.1 * MINUTES_MS)
    expect(await secret.read()).toEqual({ MYSQL_URL: "a" })
    const { secret: unread, becomes: turns } = scene("")
    turns(new Error("away"))
    await expect(unread.read()).rejects.toMatchObject({ dependency: "secretsmanager", cause: { message: "away" } })
    turns("{}")
    expect(await unread.read()).toEqual({})
  })

  test("whose clock was set back: is fetched again", async () => {
    const { secret, reads, afterMs } = scene("{}")
    await secret.read()
    afterMs(-3 * MINUTES_MS)
    await secret.read()
    expect(reads()).toBe(2)
  })

  test.each(["", "no JSON", "[]", '"text"', "null"])("of the text %j: is refused, and not quoted", async (text) => {
    await expect(scene(text).secret.read()).rejects.toMatchObject({
      cause: { message: "the secret is not a JSON object" },
    })
  })

  test("with members that are no text: has the others", async () => {
    expect(await scene('{"port":3306,"MYSQL_URL":"a"}').secret.read()).toEqual({ MYSQL_URL: "a" })
  })
})

afterEach(() => void jest.restoreAllMocks())
