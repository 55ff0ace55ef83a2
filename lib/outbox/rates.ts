/**
 * DESIGN. Rate limits: requests per minute of an application, and of a client's address. A request is judged once, by
 * the first script that it runs anyway, so limits cost no round trip; a refused request changes nothing there. The rule
 * is GCRA (the generic cell rate algorithm): a bucket holds a minute's requests and refills evenly. It is one number
 * with a time to live, by Redis' clock. A batch counts as one request for each of its messages. So does an erasure, whose
 * first script counts the request; what it finds counts before it is deleted, as far as there is room (COUNT_MORE).
 *
 * All keys of a script lie in one slot, so each shard counts an address separately. Requests without an application,
 * creating one or listing all, count by address only; the list in the shard it reads first.
 *
 * Absent: limits while Redis is away, and on requests refused before they reach Redis (400, 401, 413, 415, 422).
 */
import { isIPv4, isIPv6 } from "node:net"
import type { Config } from "../config.ts"
import { ApiError, invalid } from "../errors.ts"
import type { Stores } from "../stores.ts"
import { addressRateKey, applicationRateKey } from "./keys.ts"
import { type Judge, type Judgement, UNJUDGED } from "./scripts/rates.ts"

/** A limit that a request counts towards; `key` is its bucket in Redis. */
type Quota = { name: "application" | "address"; perMinute: number; key: string }
/** A quota after a request: the requests left, and the seconds until all are available again. */
export type Standing = { name: Quota["name"]; perMinute: number; remaining: number; resetSeconds: number }

export type RateScope = {
  sourceIp: string
  forwardedFor: string | undefined
  noteStandings: (standings: Standing[]) => void
}

/** Returns the client's address. Our proxies append their callers' to X-Forwarded-For; earlier ones may be made up. */
export function clientAddress({ sourceIp, forwardedFor = "" }: RateScope, trustedProxies: number): string {
  if (trustedProxies === 0) return sourceIp
  const hop = forwardedFor.split(",").at(-trustedProxies)?.trim() ?? ""
  return isIPv4(hop) || isIPv6(hop) ? hop : sourceIp
}

/** 64 bits of an IPv6 address are one network, all of whose addresses one client may use. */
const IPV6_NETWORK_GROUPS = 4

/** Returns what counts as one client: an IPv4 address, or an IPv6 address's first 64 bits. */
export function clientNetwork(address: string): string {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  if (!isIPv6(address)) return address
  // The URL parser writes the shortest form; eight groups include the zeros that it omits.
  const [head = "", tail = ""] = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1).split("::")
  const groups = [head, tail].map((part) => (part === "" ? [] : part.split(":")))
  const [first = [], last = []] = groups
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0")
  return [...first, ...zeros, ...last].slice(0, IPV6_NETWORK_GROUPS).join(":")
}

/** Returns a judgement that notes each quota's standing from a script's reply, or throws rate_limited. */
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

/** Throws 422 for a batch that no waiting would let through. */
function requireWithin(quotas: Quota[], cost: number): void {
  const least = Math.min(...quotas.map(({ perMinute }) => perMinute))
  if (cost > least) throw invalid("messages", `has more items than the rate limit lets through in a minute: ${least}`)
}

/** Returns the stores for one request, which its first script judges; without limits, the same stores. */
export function limitRequest<S extends Stores>(stores: S, scope: RateScope): S {
  const { config } = stores
  if (config.RATE_LIMIT_APPLICATION === 0 && config.RATE_LIMIT_ADDRESS === 0) return stores
  const network = clientNetwork(clientAddress(scope, config.TRUSTED_PROXIES))
  let judged = false
  const judge: Judge = (shard, application, cost = 1, isMore = false) => {
    const quotas = judged && !isMore ? [] : quotasOf(config, shard, application, network)
    requireWithin(quotas, cost)
    judged = true
    return quotas.length > 0 ? judgementBy(quotas, scope.noteStandings) : UNJUDGED
  }
  return { ...stores, outbox: stores.outbox.judgedBy(judge) }
}
