// Which harm is done when: from the seed alone, so that a campaign can be repeated. A harm that makes Redis lose data
// waits until no acknowledged write is in Redis alone, since those would be lost: the load pauses until the outbox is
// empty, runs again for a moment, and then the harm is done.
import { setTimeout as sleep } from "node:timers/promises"
import { logUniform, type Random, shuffled } from "../load/random.ts"
import type { Attack, Target } from "../targets/target.ts"
import { type Harm, type HarmedPart, type Harms, harmedPart } from "./fault-log.ts"

/** Campaigns of 30 minutes have 110 attacks. */
const ATTACK_EVERY_MS = 16_300
const ATTACK_MIN_MS = 1_000
const ATTACK_MAX_MS = 30_000
const SHORT_MAX_MS = 3_000
/** With --short, from one attack's begin to the next one's. */
const SHORT_EVERY_MS = 4_500
/** The load runs undisturbed before the first attack, and memory is measured. */
const WARM_UP_MS = 10_000
/** Harms at a time. */
const ACTIVE_MAX = 2
/** Beyond this a campaign goes on without the attack that needs a calm. */
const CALM_MAX_MS = 240_000
/** A killed server that takes longer than this to start is harmed again all the same. */
const UP_MAX_MS = 90_000
/** From the calm until Redis loses its data: the load runs again, but nothing has failed to reach the queue since. */
const RESUMED_MS = 1_500
const POLL_MS = 200

export type PlannedAttack = { attack: Attack; atMs: number; forMs: number }
export type Plan = { attacks: PlannedAttack[]; lastsMs: number }

/** The attacks of `names`, or those whose names begin with one of them; all of them without names. */
export function chooseAttacks(attacks: Attack[], names: string[]): Attack[] {
  for (const name of names) {
    if (!attacks.some((attack) => attack.name.startsWith(name))) {
      throw new Error(`--only: there is no attack "${name}", but ${attacks.map((attack) => attack.name).join(", ")}`)
    }
  }
  return attacks.filter(({ name }) => names.length === 0 || names.some((wanted) => name.startsWith(wanted)))
}

/** Each attack once, those first that need a calm: before them there is nothing to wait for. */
export function planShort(attacks: Attack[], random: Random): Plan {
  const mixed = shuffled(random, attacks)
  const ordered = [...mixed.filter(({ losesData }) => losesData), ...mixed.filter(({ losesData }) => !losesData)]
  const planned = ordered.map((attack, index) => {
    const atMs = WARM_UP_MS + index * SHORT_EVERY_MS
    return { attack, atMs, forMs: Math.round(logUniform(random, ATTACK_MIN_MS, SHORT_MAX_MS)) }
  })
  return { attacks: planned, lastsMs: WARM_UP_MS + (planned.length + 1) * SHORT_EVERY_MS }
}

/** As many as fit into `minutes`: all kinds in turn, in an order of chance; for 1 to 30 s, short ones as often as long. */
export function planLong(attacks: Attack[], minutes: number, random: Random): Plan {
  const lastsMs = minutes * 60_000
  const count = Math.max(1, Math.floor((lastsMs - WARM_UP_MS) / ATTACK_EVERY_MS))
  const kinds: Attack[] = []
  while (kinds.length < count) kinds.push(...shuffled(random, attacks))
  const planned = kinds.slice(0, count).map((attack, index) => {
    const atMs = WARM_UP_MS + Math.round((index + 0.6 * random()) * ATTACK_EVERY_MS)
    return { attack, atMs, forMs: Math.round(logUniform(random, ATTACK_MIN_MS, ATTACK_MAX_MS)) }
  })
  return { attacks: planned, lastsMs }
}

export type Conduct = {
  target: Target
  harms: Harms
  startedAt: number
  /** Whether the API has been ready for a while, and all that was acknowledged is stored. */
  isCalm(): Promise<boolean>
  /** Whether a server has come back from its last harm. */
  isUp(part: HarmedPart): boolean
  /** Whether writes have been acknowledged since `time`. */
  hasRecovered(time: number): boolean
  /** A calm is waited for, or not any more. */
  onCalmWanted(isWanted: boolean): void
  onBegin(harm: Harm, forMs: number): void
  onEnd(harm: Harm): void
  onSkip(planned: PlannedAttack, reason: string): void
  stop: AbortSignal
}

/** Does what is planned, in its order, no earlier than planned, and later where it has to wait. */
export async function conductAttacks(plan: Plan, conduct: Conduct): Promise<void> {
  const { target, harms, startedAt, stop } = conduct
  const running = new Set<Promise<void>>()
  const wait = async (isReady: () => boolean | Promise<boolean>, limitMs = Number.POSITIVE_INFINITY) => {
    const deadline = Date.now() + limitMs
    while (!stop.aborted && Date.now() < deadline) {
      if (await isReady()) return true
      await sleep(POLL_MS, undefined, { signal: stop }).catch(() => undefined)
    }
    return false
  }

  for (const planned of plan.attacks) {
    const { attack, atMs, forMs } = planned
    const part = harmedPart(attack.name)
    await wait(() => Date.now() >= startedAt + atMs)
    if (attack.losesData) {
      await wait(() => harms.active().length === 0)
      conduct.onCalmWanted(true)
      const isCalm = await wait(conduct.isCalm, CALM_MAX_MS)
      conduct.onCalmWanted(false)
      if (isCalm) await sleep(RESUMED_MS)
      if (!isCalm && !stop.aborted) {
        conduct.onSkip(planned, `no calm within ${CALM_MAX_MS / 1000} s`)
        continue
      }
    } else {
      await wait(() => harms.active().length < ACTIVE_MAX && harms.active().every((harm) => harm.part !== part))
      await wait(() => conduct.isUp(part), UP_MAX_MS)
    }
    if (stop.aborted) break
    const harm = harms.begin(attack)
    conduct.onBegin(harm, forMs)
    const done = attack
      .run(target, forMs)
      .catch((error: unknown) => {
        harm.error = error instanceof Error ? error.message : String(error)
      })
      .then(() => {
        harms.end(harm)
        conduct.onEnd(harm)
        running.delete(done)
      })
    running.add(done)
    if (!attack.losesData) continue
    await done
    // What only the queue holds now must be stored before the queue is harmed.
    await wait(() => conduct.hasRecovered(harm.endedAt ?? 0), CALM_MAX_MS)
  }
  await Promise.all(running)
}
