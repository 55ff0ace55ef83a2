/** The target of a campaign: a whole stack, native or in containers, with a link before each server that can be cut. */

import type { Progress } from "../../local/progress.ts"
import type { FaultyCluster } from "./cluster.ts"

export type ServerKind = "redis" | "mysql" | "elasticmq" | "elasticsearch" | "api"

/** A running server. The supervisor or Docker restarts it when it ends. */
export type Server = {
  /** Such as "redis" or "api", or "api-1" in containers, where there may be several. */
  name: string
  kind: ServerKind
  /** Sends SIGKILL and resolves once the server is dead. */
  kill(): Promise<void>
  /** Sends SIGSTOP to all its processes; `thaw` sends SIGCONT. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Returns the resident memory of all its processes; undefined while it is down. */
  rssBytes(): Promise<number | undefined>
}

/** "client" is the link from the load to the API, the others are those from the API to a store. */
export type LinkName = "client" | Exclude<ServerKind, "api">

export type Link = {
  /** Breaks all connections and refuses new ones until restored. */
  cut(): Promise<void>
  /** Delays traffic in either direction by this many milliseconds. */
  delay(ms: number): void
  /** Ends a cut or delay. */
  restore(): Promise<void>
}

/** The small disk of one store. */
export type Disk = { kind: Exclude<ServerKind, "api" | "elasticmq">; fill(): Promise<void>; free(): Promise<void> }

export type Target = {
  name: "native" | "compose"
  /** The URL for clients, which leads through the link "client", and under compose through the proxy. */
  apiUrl: string
  /** The URLs of the copies of the API, past the proxy but through the same link; that of the API if there is no proxy. */
  copyUrls: string[]
  /** The environment (for `readConfig`) that leads directly to the stores, past the links. */
  env: Record<string, string>
  servers: Server[]
  links: Record<LinkName, Link>
  /** Empty where small disks cannot be mounted; `diskReason` then says why. */
  disks: Disk[]
  diskReason?: string
  /** Shifts the clock of the API's processes by this many milliseconds; 0 sets it right. */
  setClock(offsetMs: number): Promise<void>
  /** Present where Redis is a cluster: faults of Redis are then those of its nodes. */
  cluster?: FaultyCluster
  /** Kills Redis, cuts its append-only file back by a second, and lets it restart; not where it is a cluster. */
  rollRedisBack(): Promise<void>
  /** Returns a line for each end of a server that no kill explains. */
  unexplainedEnds(): Promise<string[]>
  /** Stops everything. */
  stop(): Promise<void>
}

/** A way to the API: through the proxy, or to one copy. */
type Entrance = { name: string; url: string; isProxied: boolean }

/** Returns the ways to the API of a target. */
export const entrancesOf = ({ name, apiUrl, copyUrls }: Pick<Target, "name" | "apiUrl" | "copyUrls">): Entrance[] => {
  const copies = copyUrls.map((url, index) => ({ name: `copy ${index + 1}`, url, isProxied: false }))
  return name === "native" ? copies : [{ name: "proxy", url: apiUrl, isProxied: true }, ...copies]
}

export type TargetOptions = {
  progress: Progress
  /** Cancels a start. */
  signal?: AbortSignal
  /** Cuts an orderly stop short. */
  hurry?: AbortSignal
}
