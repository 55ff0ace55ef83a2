import type { ServerKind, Target } from "../targets/target.ts"

/** What a fault harms: a kind of server or its link to the API, or the link from the clients to the API. */
export type Harmed = ServerKind | "client"

/** One thing that a campaign does to a target, with everything that plan and verdict need to know about it. */
export type Fault = {
  /** Such as "kill redis"; `--only` selects by it, and the report shows it. */
  name: string
  /** No two faults harm the same thing at the same time. */
  harms: Harmed
  /** It makes Redis lose data: the load pauses first, numbers may skip, and Idempotency-Keys are forgotten. */
  losesData?: true
  /** It stops a server whose connections stay open, so a request may wait as long as the fault lasts. */
  freezes?: true
  /** It harms one node of a cluster of Redis: the shards of the others must go on (verdict/refusals.ts). */
  atNode?: true
  /**
   * Begins the fault and ends it after `ms`. Resolves when it has ended, before the target has recovered.
   * One at a node calls `hits` with the shards that it harms before it does; any other fault of Redis harms all of them.
   */
  run(target: Target, ms: number, hits?: (shards: readonly string[]) => void): Promise<void>
}
