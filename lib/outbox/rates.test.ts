import { describe, expect, test } from "@jest/globals"
import { clientAddress, clientNetwork } from "./rates.ts"

describe("a client's address", () => {
  const addressOf = (forwardedFor: string | undefined, trusted: number) =>
    clientAddress({ sourceIp: "192.0.2.1", forwardedFor, noteStandings: () => undefined }, trusted)

  test.each([
    ["no header", undefined, 0, "192.0.2.1"],
    ["a header that nobody vouches for", "203.0.113.7", 0, "192.0.2.1"],
    ["one proxy", "203.0.113.7", 1, "203.0.113.7"],
    ["one proxy, behind what the client has made up", "198.51.100.1, 10.0.0.1,203.0.113.7", 1, "203.0.113.7"],
    ["two proxies", "198.51.100.1, 203.0.113.7, 10.0.0.1", 2, "203.0.113.7"],
    ["fewer entries than proxies", "203.0.113.7", 2, "192.0.2.1"],
    ["one proxy and no header", undefined, 1, "192.0.2.1"],
    ["what is no address", "203.0.113.7, unknown", 1, "192.0.2.1"],
    ["IPv6", "2001:db8::1", 1, "2001:db8::1"],
  ])("with %s (%p, %d trusted), is %4$s", (_what, forwardedFor, trusted, address) => {
    expect(addressOf(forwardedFor, trusted)).toBe(address)
  })
})

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:db8:0:0:ffff::", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
])("the network of %s, is %s", (address, network) => {
  expect(clientNetwork(address)).toBe(network)
})
