/** The checks of a campaign, in the order of the verdict. */
export const CHECKS = [
  "acknowledged and lost",
  "stored under another number",
  "number given twice",
  "one key, two numbers",
  "write stored more than once",
  "batch not whole",
  "gap",
  "own write read wrong",
  "row that should not be",
  "row and document differ",
  "row and list differ",
  "change missing",
  "change told twice",
  "change out of order",
  "follower differs",
  "wrong count",
  "dead letter",
  "outbox not empty",
  "queue or index backlog not empty",
  "process ended by itself",
  "request over 10 s",
  "shard refused over 3 s",
  "wrong answer",
  "memory not given back",
  "fault not done",
] as const

export type CheckName = (typeof CHECKS)[number]
export type Check = { name: CheckName; count: number; examples: string[]; note: string }
export type Verdict = {
  checks: Check[]
  fail(name: CheckName, example: string, count?: number): void
  note(name: CheckName, text: string): void
  isClean(): boolean
}

/** At most this many examples per check, so that a report stays readable. */
const EXAMPLES_MAX = 10

/** Returns a verdict without findings. */
export function createVerdict(): Verdict {
  const checks = CHECKS.map((name): Check => ({ name, count: 0, examples: [], note: "" }))
  const find = (name: CheckName): Check => checks.find((check) => check.name === name) as Check
  return {
    checks,
    fail(name, example, count = 1) {
      const check = find(name)
      check.count += count
      if (check.examples.length < EXAMPLES_MAX) check.examples.push(example)
    },
    note(name, text) {
      find(name).note = text
    },
    isClean: () => checks.every(({ count }) => count === 0),
  }
}
