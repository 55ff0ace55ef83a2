import type { ServerKind, Target } from "../targets/target.ts"

/** What a fault harms: a kind of server together with the way from the API to it, or the clients' way to the API. */
export type Harmed = ServerKind | "client"

/** One thing that a campaign does to a target. Whatever depends on the fault, plan and verdict included, asks this object. */
export type Fault = {
  /** "kill redis", "fill mysql"; `--only` chooses by it, and the report shows it. */
  name: string
  /** Two faults at one time never harm the same. */
  harms: Harmed
  /** Redis loses data by it: the load pauses before, numbers may skip, and Idempotency-Keys are forgotten. */
  losesData?: true
  /** What it harms stands still with its connections open, so that a request may wait as long as the fault lasts. */
  freezes?: true
  /** Does it, keeps it up for `ms`, and undoes it. Resolves when it is undone, not when all has recovered. */
  run(target: Target, ms: number): Promise<void>
}
