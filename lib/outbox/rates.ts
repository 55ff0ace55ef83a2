/**
 * DESIGN. Rate limits: requests per minute of an application, and of a client's address. A request is judged once, within
 * the first script that it runs in a shard anyway, so a limit costs no round trip; a refused one has changed nothing there. The rule is GCRA
 * (the generic cell rate algorithm): a bucket that holds a minute's requests and refills evenly, kept as one number with
 * a time to live, by the clock of Redis.
 *
 * All keys of a script lie in one slot, so an address is counted in each shard that it calls by itself: its bucket is
 * that of (shard, address). An application's is one. What has no application yet, its creation and the list of all, is
 * counted by address only; the list in its first shard.
 *
 * Absent: a limit while Redis is away, and for a request that is refused before it asks Redis (400, 401, 413, 415, 422).
 */
import { isIPv4, isIPv6 } from "node:net"
import type { Config } from "../config.ts"
import { ApiError } from "../errors.ts"
import type { Stores } from "../stores.ts"
import { addressRateKey, applicationRateKey } from "./keys.ts"
import { type Judge, type Judgement, UNJUDGED } from "./scripts/rates.ts"

/** What a request counts towards; `key` is its bucket in Redis. */
type Quota = { name: "application" | "address"; perMinute: number; key: string }
/** How a quota stands after a request: what is left, and the seconds until all of it is there again. */
export type Standing = { name: Quota["name"]; perMinute: number; remaining: number; resetSeconds: number }

/** What is known of who sends a request. */
export type RateScope = {
  /** The address of the connection. */
  sourceIp: string
  /** The X-Forwarded-For header. */
  forwardedFor: string | undefined
  noteStandings: (standings: Standing[]) => void
}

/**
 * The client's address. Each of our proxies has appended the one it was called from to X-Forwarded-For; what stands before
 * those the client may have made up.
 */
export function clientAddress({ sourceIp, forwardedFor = "" }: RateScope, trustedProxies: number): string {
  if (trustedProxies === 0) return sourceIp
  const hop = forwardedFor.split(",").at(-trustedProxies)?.trim() ?? ""
  return isIPv4(hop) || isIPv6(hop) ? hop : sourceIp
}

/** 64 bits of an IPv6 address are one network, all of whose addresses one client may use. */
const IPV6_NETWORK_GROUPS = 4

/** What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function clientNetwork(address: string): string {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  if (!isIPv6(address)) return address
  // The URL parser writes the shortest form; with the zeros that it leaves out there are eight groups.
  const [head = "", tail = ""] = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1).split("::")
  const groups = [head, tail].map((part) => (part === "" ? [] : part.split(":")))
  const [first = [], last = []] = groups
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0")
  return [...first, ...zeros, ...last].slice(0, IPV6_NETWORK_GROUPS).join(":")
}

/** Returns a judgement that reads, from what a script says, the seconds to wait and how each quota stands. */
function judgementBy(quotas: Quota[], noteStandings: RateScope["noteStandings"]): Judgement {
  const note = (standing: string): void => {
    const [retryAfterSeconds = 0, ...numbers] = standing.split(" ").map(Number)
    const standings = quotas.map(({ name, perMinute }, index): Standing => {
      const [remaining = 0, resetSeconds = 0] = numbers.slice(2 * index)
      return { name, perMinute, remaining, resetSeconds }
    })
    noteStandings(standings)
    if (retryAfterSeconds > 0)
      throw new ApiError("rate_limited", "Too many requests in a minute.", { retryAfterSeconds })
  }
  return { quotas: quotas.map(({ perMinute }) => perMinute).join(" "), buckets: quotas.map(({ key }) => key), note }
}

type Limits = Pick<Config, "RATE_LIMIT_APPLICATION" | "RATE_LIMIT_ADDRESS">

function quotasOf(limits: Limits, shard: string, application: string, network: string): Quota[] {
  const quotas: Quota[] = []
  const { RATE_LIMIT_APPLICATION: ofApplication, RATE_LIMIT_ADDRESS: ofAddress } = limits
  if (ofApplication > 0 && application !== "")
    quotas.push({ name: "application", perMinute: ofApplication, key: applicationRateKey(application) })
  if (ofAddress > 0) quotas.push({ name: "address", perMinute: ofAddress, key: addressRateKey(shard, network) })
  return quotas
}

/** The stores for one request: the first script that it runs judges it. The same stores where there are no limits. */
export function limitRequest<S extends Stores>(stores: S, scope: RateScope): S {
  const { config } = stores
  if (config.RATE_LIMIT_APPLICATION === 0 && config.RATE_LIMIT_ADDRESS === 0) return stores
  const network = clientNetwork(clientAddress(scope, config.TRUSTED_PROXIES))
  let judged = false
  const judge: Judge = (shard, application) => {
    const quotas = judged ? [] : quotasOf(config, shard, application, network)
    judged = true
    return quotas.length > 0 ? judgementBy(quotas, scope.noteStandings) : UNJUDGED
  }
  return { ...stores, outbox: stores.outbox.judgedBy(judge) }
}
