/** The connections to the servers of a cluster, by address, or to the only server. */
import type { Watch } from "./breaker.ts"
import { connectLanes } from "./redis-lanes.ts"
import type { RedisNode } from "./redis-node.ts"

export type RedisServers = ReturnType<typeof connectServers>

/** Connects to the server that `url` names, and to others as they are asked for. */
export function connectServers(url: string, watch: Watch) {
  const seed = addressIn(new URL(url))
  const nodes = new Map([[seed, connectLanes(url, watch)]])
  const unnamed = new Set<string>()
  return {
    /** The address in the URL. */
    seed,
    all: (): [address: string, node: RedisNode][] => [...nodes],
    find: (address: string | undefined): RedisNode | undefined =>
      address === undefined ? undefined : nodes.get(address),
    /** Returns the server with this address, connecting to it if need be. */
    at(address: string): RedisNode {
      const node = nodes.get(address) ?? connectLanes(urlAt(url, address), watch)
      nodes.set(address, node)
      return node
    },
    /**
     * Connects to these servers, and closes the connections to those that were not among them twice in a row: one that
     * a redirection has just named may be answering scripts already.
     */
    keep(addresses: ReadonlySet<string>): void {
      for (const address of addresses) this.at(address)
      for (const [address, node] of nodes) {
        if (addresses.has(address)) unnamed.delete(address)
        else if (unnamed.delete(address)) {
          nodes.delete(address)
          void node.close()
        } else unnamed.add(address)
      }
    },
    close: () => Promise.all([...nodes.values()].map((node) => node.close())),
  }
}

const DEFAULT_PORT = "6379"
const addressIn = ({ hostname, port }: URL): string => `${hostname.replace(/^\[|\]$/g, "")}:${port || DEFAULT_PORT}`

export const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":"))
export const portOf = (address: string): string => address.slice(address.lastIndexOf(":") + 1)

/** Returns the URL of another server of the cluster: the same user, password and TLS. Clusters have only database 0. */
function urlAt(seed: string, address: string): string {
  const url = new URL(seed)
  const host = hostOf(address)
  url.hostname = host.includes(":") ? `[${host}]` : host
  url.port = portOf(address)
  url.pathname = ""
  return url.href
}
