/** The target of a campaign: a whole stack, native or in containers, with a link that can be cut before each server. */

import type { Progress } from "../../local/progress.ts"

export type ServerKind = "redis" | "mysql" | "elasticmq" | "elasticsearch" | "api"

/** One running server. Whoever watches over it (the supervisor, Docker) starts it again when it ends. */
export type Server = {
  /** "redis", "api"; in containers, where there are several, "api-1". */
  name: string
  kind: ServerKind
  /** SIGKILL. Resolves once it is dead. */
  kill(): Promise<void>
  /** SIGSTOP, and SIGCONT: all of its processes. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Resident memory of all its processes; undefined while it is not running. */
  rssBytes(): Promise<number | undefined>
}

/** "client" is the way from the load to the API, the others the way from the API to a store. */
export type LinkName = "client" | Exclude<ServerKind, "api">

export type Link = {
  /** Breaks every connection and takes no more, until restored. */
  cut(): Promise<void>
  /** Delays traffic in either direction by this many milliseconds. */
  delay(ms: number): void
  /** As it was at the start. */
  restore(): Promise<void>
}

/** The small disk below one store. */
export type Disk = { kind: Exclude<ServerKind, "api" | "elasticmq">; fill(): Promise<void>; free(): Promise<void> }

export type Target = {
  name: "native" | "compose"
  /** Where clients call, by way of the link "client". */
  apiUrl: string
  /** The environment that leads to the stores directly, past the links (`readConfig(env)`). */
  env: Record<string, string>
  servers: Server[]
  links: Record<LinkName, Link>
  /** Empty where disks of limited size cannot be had; `diskReason` then says why. */
  disks: Disk[]
  diskReason?: string
  /** Sets the clock of the API's processes off by this many milliseconds; 0 puts it right. */
  setClock(offsetMs: number): Promise<void>
  /** Cuts the append-only file of Redis back to what it was a second ago, as it is killed and started again. */
  rollRedisBack(): Promise<void>
  /** Every end of a server's process that no `kill` of ours explains: one line each. */
  unexplainedEnds(): Promise<string[]>
  /** Ends everything and leaves nothing. */
  stop(): Promise<void>
}

export type TargetOptions = {
  progress: Progress
  /** Ends a start that is under way. */
  signal?: AbortSignal
  /** Cuts an orderly stop short. */
  hurry?: AbortSignal
}
