// When which server was harmed: what the load and the verdict ask before they call an answer wrong.
import type { Attack, ServerKind } from "../targets/target.ts"

/** After Redis is back, and even a wiped one is within this, reads are exact again. */
const REDIS_RECOVERS_MS = 10_000

export type HarmedPart = ServerKind | "client"

/** A harm that was done; `endedAt` is undefined while it lasts. Times are ms since 1970. */
export type Harm = {
  name: string
  part: HarmedPart
  losesData: boolean
  startedAt: number
  endedAt?: number
  /** Why it could not be done or undone. */
  error?: string
  recovery?: Record<string, number | null>
}

export type Harms = {
  all: Harm[]
  begin(attack: Attack): Harm
  end(harm: Harm): void
  active(): Harm[]
  /** Harms that overlap a span of time, those included that ended up to `graceMs` before it. */
  during(from: number, to: number, graceMs?: number): Harm[]
  /** Whether readers may be told of an older state: Redis was or had just been away. */
  excusesOldReads(from: number, to: number): boolean
  /** Whether Redis lost data in a span of time. */
  lostData(from: number, to: number): boolean
}

const PARTS: [RegExp, HarmedPart][] = [
  [/redis/, "redis"],
  [/mysql/, "mysql"],
  [/elasticsearch/, "elasticsearch"],
  [/elasticmq|queue|sqs/, "elasticmq"],
  [/client/, "client"],
  [/api|clock|consumer/, "api"],
]

/** The server or link that an attack of this name harms. */
export const harmedPart = (name: string): HarmedPart => PARTS.find(([pattern]) => pattern.test(name))?.[1] ?? "api"

export function recordHarms(): Harms {
  const all: Harm[] = []
  const during: Harms["during"] = (from, to, graceMs = 0) =>
    all.filter(({ startedAt, endedAt = Number.POSITIVE_INFINITY }) => startedAt <= to && endedAt + graceMs >= from)
  return {
    all,
    during,
    begin({ name, losesData }) {
      const harm: Harm = { name, part: harmedPart(name), losesData, startedAt: Date.now() }
      all.push(harm)
      return harm
    },
    end(harm) {
      harm.endedAt = Date.now()
    },
    active: () => all.filter(({ endedAt }) => endedAt === undefined),
    excusesOldReads: (from, to) => during(from, to, REDIS_RECOVERS_MS).some(({ part }) => part === "redis"),
    lostData: (from, to) => during(from, to).some(({ losesData }) => losesData),
  }
}
