// A share of one processor for a process and its children, as AWS Lambda gives it: by the quota of a Linux control group.
import { existsSync } from "node:fs"
import { mkdir, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

const CONTROL_GROUPS = "/sys/fs/cgroup"
/** AWS Lambda's own period is not documented. With a longer one a short call could run ahead of its share. */
const PERIOD_MICROSECONDS = 20_000

/** `processes`: the file that takes the id of a process, which then has the share together with all others in it. */
export type ProcessorShare = { processes: string; remove(): Promise<void> }

/** Makes a control group with a share of one processor (0–1). Throws an Error where it cannot: it needs root and Linux. */
export async function makeProcessorShare(name: string, share: number): Promise<ProcessorShare> {
  const isUnified = existsSync(join(CONTROL_GROUPS, "cgroup.controllers"))
  const folder = join(CONTROL_GROUPS, isUnified ? "" : "cpu", name)
  const quota = Math.round(share * PERIOD_MICROSECONDS)
  try {
    await mkdir(folder, { recursive: true })
    if (isUnified) await writeFile(join(folder, "cpu.max"), `${quota} ${PERIOD_MICROSECONDS}`)
    else {
      await writeFile(join(folder, "cpu.cfs_period_us"), `${PERIOD_MICROSECONDS}`)
      await writeFile(join(folder, "cpu.cfs_quota_us"), `${quota}`)
    }
  } catch (cause) {
    throw new Error(`a share of a processor needs root and control groups in ${CONTROL_GROUPS}`, { cause })
  }
  return { processes: join(folder, "cgroup.procs"), remove: () => rmdir(folder) }
}
