import { randomInt } from "node:crypto"
import { parseArgs } from "node:util"

/** Long enough for a hundred faults. */
const MINUTES_DEFAULT = 30
const MINUTES_MAX = 24 * 60
const REPLICAS_MAX = 10
const SEED_MAX = 2 ** 32 - 1

const REDIS_KINDS = ["single", "cluster", "valkey-cluster"] as const
export type RedisKind = (typeof REDIS_KINDS)[number]

export type CampaignOptions = {
  /** The seed of all random choices. */
  seed: number
  minutes: number
  /** Names of faults, or the beginnings of names; all faults when empty. */
  only: string[]
  target: "native" | "compose"
  /** Which Redis; a cluster only with the native target. */
  redis: RedisKind
  /** Copies of the API; compose only. */
  replicas: number
  /** Runs each fault once, briefly. */
  short: boolean
  /** The folder for report and timeline; undefined to write no files. */
  report: string | undefined
}

export const USAGE = `usage: npm run faults -- [options]
  --seed N           repeats the campaign with that seed (0 to ${SEED_MAX})
  --minutes N        duration of the load (default: ${MINUTES_DEFAULT})
  --only NAME,…      only faults whose names begin with one of these
  --target NAME      native (servers on this machine, the default) or compose
  --redis KIND       single (the default), cluster, or valkey-cluster; a cluster only with native
  --replicas N       copies of the API, 1 to ${REPLICAS_MAX}; more than one only with compose
  --short            each fault once, for 1 to 3 s: about 3 minutes; of a cluster only the faults of its nodes
  --report DIR       folder for report and timeline (default: .data/faults-report; none with --short)`

/** The folder for the report of a long campaign. */
const REPORT_DEFAULT = ".data/faults-report"

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`--${option}: must be a whole number from ${min} to ${max}, not "${text}"`)
}

/** Parses the command line. Throws an Error that names the wrong option. */
export function parseOptions(args: string[]): CampaignOptions {
  const { values } = parseArgs({
    args,
    strict: true,
    options: {
      seed: { type: "string" },
      minutes: { type: "string" },
      only: { type: "string" },
      target: { type: "string", default: "native" },
      redis: { type: "string", default: "single" },
      replicas: { type: "string", default: "1" },
      short: { type: "boolean", default: false },
      report: { type: "string" },
    },
  })
  const { target, short } = values
  if (target !== "native" && target !== "compose") throw new Error(`--target: native or compose, not "${target}"`)
  const redis = REDIS_KINDS.find((kind) => kind === values.redis)
  if (redis === undefined) throw new Error(`--redis: ${REDIS_KINDS.join(", ")}, not "${values.redis}"`)
  if (redis !== "single" && target !== "native") throw new Error("--redis: only the native target has a cluster")
  if (short && values.minutes !== undefined) throw new Error("--minutes: cannot be given with --short")
  const replicas = wholeNumber("replicas", values.replicas, 1, REPLICAS_MAX)
  if (replicas > 1 && target === "native") throw new Error("--replicas: the native servers have one copy of the API")
  const only = (values.only ?? "").split(",").map((name) => name.trim().replaceAll("-", " "))
  if (values.only !== undefined && only.includes("")) throw new Error("--only: must be names separated by commas")
  if (values.report === "") throw new Error("--report: a folder is missing")
  return {
    seed: values.seed === undefined ? randomInt(SEED_MAX) : wholeNumber("seed", values.seed, 0, SEED_MAX),
    minutes: values.minutes === undefined ? MINUTES_DEFAULT : wholeNumber("minutes", values.minutes, 1, MINUTES_MAX),
    only: only.filter((name) => name !== ""),
    target,
    redis,
    replicas,
    short,
    report: values.report ?? (short ? undefined : REPORT_DEFAULT),
  }
}
