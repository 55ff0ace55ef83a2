import { describe, expect, test } from "@jest/globals"
import type { ScriptValue } from "./redis.ts"
import { createWitness, hasSlot, type Member, readShards, routesOf, slotOf, type View } from "./redis-topology.ts"

const HOST = "10.0.0.1"

type Fields = Record<string, string | number | null>
const flat = (fields: Fields): ScriptValue[] => Object.entries(fields).flat() as ScriptValue[]
const node = (more: Fields): ScriptValue[] => flat({ id: "a", port: 6379, ip: "10.0.0.7", role: "master", ...more })
/** Returns a shard as CLUSTER SHARDS tells of it. */
const shard = (slots: number[], ...nodes: ScriptValue[][]): ScriptValue[] => ["slots", slots, "nodes", nodes]
const addressIn = (more: Fields, isTls = false) => readShards([shard([0, 9], node(more))], HOST, isTls)[0]?.address

describe("the slot of a key", () => {
  test("is that of its tag alone", () => {
    expect([slotOf("{foo}:life"), slotOf("{foo}:outbox"), slotOf("{bar}:life")]).toEqual([12_182, 12_182, 5_061])
  })
})

describe("a reply of CLUSTER SHARDS", () => {
  test("gives masters their ranges of slots, and replicas none", () => {
    const [master, replica] = readShards(
      [shard([0, 9, 20, 20], node({ endpoint: "h1" }), node({ id: "b", role: "replica", endpoint: "h2" }))],
      HOST,
      false,
    ) as [Member, Member]
    expect(master).toEqual({
      id: "a",
      address: "h1:6379",
      isMaster: true,
      slots: [
        [0, 9],
        [20, 20],
      ],
    })
    expect(replica).toEqual({ id: "b", address: "h2:6379", isMaster: false, slots: [] })
    expect([0, 9, 10, 19, 20, 21].map((slot) => hasSlot(master, slot))).toEqual([true, true, false, false, true, false])
  })

  test("of a master without slots: is a member without slots", () => {
    expect(readShards([shard([], node({ endpoint: "h1" }))], HOST, false)).toEqual([
      { id: "a", address: "h1:6379", isMaster: true, slots: [] },
    ])
  })

  test("leads to the endpoint, be it a name, an address or one of IPv6, not to the other names of the server", () => {
    const names = { ip: "10.0.0.7", hostname: "other.example" }
    expect(addressIn({ ...names, endpoint: "one.example" })).toBe("one.example:6379")
    expect(addressIn({ ...names, endpoint: "10.0.0.8" })).toBe("10.0.0.8:6379")
    expect(addressIn({ ...names, endpoint: "fd00::1" })).toBe("fd00::1:6379")
  })

  test.each([null, "?", ""])("with the endpoint %j: leads to the host that was asked", (endpoint) => {
    expect(addressIn({ endpoint })).toBe(`${HOST}:6379`)
  })

  test("of a server with two ports: leads to the one that the client speaks to", () => {
    const both = { endpoint: "h1", "tls-port": 6380 }
    expect([addressIn(both, false), addressIn(both, true)]).toEqual(["h1:6379", "h1:6380"])
    expect(readShards([shard([], flat({ id: "a", "tls-port": 6380, endpoint: "h1" }))], HOST, true)).toMatchObject([
      { address: "h1:6380" },
    ])
    // As managed servers tell that serve both with one port.
    expect(addressIn({ endpoint: "h1" }, true)).toBe("h1:6379")
  })
})

const member = (id: string, ...slots: Member["slots"]): Member => ({ id, address: `${id}:6379`, isMaster: true, slots })
const view = (id: string, members: Member[], more: Partial<View> = {}): View => ({
  life: `life-of-${id}`,
  id,
  members,
  askedAt: 0,
  answeredAt: 0,
  ...more,
})

describe("the routes of slots", () => {
  test("lead to the master that others name, if it does not answer itself, and nowhere for a slot of nobody", () => {
    const routes = routesOf([view("a", [member("a", [0, 4]), member("b", [5, 8])])])
    expect([routes[0], routes[4], routes[5], routes[9]]).toEqual(["a:6379", "a:6379", "b:6379", undefined])
  })

  test("lead to the master that claims a slot, though others still name another", () => {
    const claims = view("b", [member("a", [0, 4]), member("b", [5, 9])])
    const isBehind = (id: string) => view(id, [member("a", [0, 9]), member("b"), member("c", [10, 19])])
    for (const views of [
      [claims, isBehind("c")],
      [isBehind("c"), claims],
    ])
      expect([routesOf(views)[4], routesOf(views)[5]]).toEqual(["a:6379", "b:6379"])
  })

  test("lead to the successor that the others know, while a master that was away still claims its slots", () => {
    const former = view("a", [member("a", [0, 9]), member("b", [10, 19])])
    const knowing = [member("a"), member("b", [10, 19]), member("s", [0, 9])]
    for (const views of [
      [former, view("b", knowing), view("s", knowing)],
      [view("s", knowing), view("b", knowing), former],
    ])
      expect([routesOf(views)[0], routesOf(views)[10]]).toEqual(["s:6379", "b:6379"])
  })
})

describe("the witness of lives", () => {
  const SLOT = 5
  const claiming = (id: string, moments: { askedAt: number; answeredAt: number }, ...slots: Member["slots"]) =>
    view(id, [member(id, ...slots)], moments)

  test("tells whether a life is new to it", () => {
    const witness = createWitness()
    const once = claiming("a", { askedAt: 1, answeredAt: 2 }, [0, 9])
    expect([witness.note(once), witness.note(once), witness.note({ ...once, life: "next" })]).toEqual([
      true,
      false,
      true,
    ])
  })

  test("saw both, if the one had answered before the other was asked and still claimed the slot", () => {
    const witness = createWitness()
    witness.note(claiming("to", { askedAt: 1, answeredAt: 2 }))
    witness.note(claiming("from", { askedAt: 2, answeredAt: 3 }, [0, 9]))
    expect(witness.sawBoth(SLOT, "life-of-from", "life-of-to")).toBe(true)
    // It need not be asked again.
    witness.note(claiming("to", { askedAt: 8, answeredAt: 9 }, [0, 9]))
    expect(witness.sawBoth(SLOT, "life-of-from", "life-of-to")).toBe(true)
  })

  test("did not see both, if the claim may be older than the life", () => {
    const witness = createWitness()
    // Asked before the life is known to have begun, answered after it.
    witness.note(claiming("from", { askedAt: 2, answeredAt: 4 }, [0, 9]))
    witness.note(claiming("to", { askedAt: 1, answeredAt: 3 }, [0, 9]))
    expect(witness.sawBoth(SLOT, "life-of-from", "life-of-to")).toBe(false)
  })

  test("did not see both, if the one never claimed the slot, or either is unknown", () => {
    const witness = createWitness()
    witness.note(claiming("to", { askedAt: 1, answeredAt: 2 }))
    witness.note(claiming("from", { askedAt: 3, answeredAt: 4 }, [0, SLOT - 1], [SLOT + 1, 9]))
    expect(witness.sawBoth(SLOT, "life-of-from", "life-of-to")).toBe(false)
    expect(witness.sawBoth(0, "life-of-from", "life-of-to")).toBe(true)
    expect(witness.sawBoth(0, "life-of-from", "unknown")).toBe(false)
    expect(witness.sawBoth(0, "unknown", "life-of-to")).toBe(false)
  })

  test("goes by what a server says of itself, not by what others say of it", () => {
    const witness = createWitness()
    const others = [member("from", [0, 9]), member("to")]
    witness.note(view("to", others, { askedAt: 1, answeredAt: 2 }))
    witness.note(view("to", others, { askedAt: 3, answeredAt: 4 }))
    witness.note(view("from", [member("from"), member("to", [0, 9])], { askedAt: 5, answeredAt: 6 }))
    expect(witness.sawBoth(SLOT, "life-of-from", "life-of-to")).toBe(false)
  })

  test("forgets lives that have ended long ago, and none that goes on", () => {
    const witness = createWitness()
    const lasting = claiming("lasting", { askedAt: 1, answeredAt: 2 }, [0, 9])
    const ended = claiming("ended", { askedAt: 3, answeredAt: 4 }, [0, 9])
    witness.note(lasting)
    witness.note(ended)
    for (let number = 0; number < 400; number++) {
      witness.note(claiming(`${number}`, { askedAt: 5, answeredAt: 6 }))
      expect(witness.note(lasting)).toBe(false)
    }
    expect(witness.note(ended)).toBe(true)
  })
})
