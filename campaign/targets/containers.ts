/** The containers of a campaign's project: who they are, and how each is killed and frozen from outside of Docker. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { processIdentity } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { processTree, rssBytesOf, untilGone } from "./process-group.ts"
import type { Server, ServerKind } from "./target.ts"

/** The engine answers in tenths of a second; starting a container on a busy machine takes some more. */
const DOCKER_LIMIT_MS = 30_000
const SERVICE_LABEL = "com.docker.compose.service"
const PROJECT_LABEL = "com.docker.compose.project"
const KINDS: readonly string[] = ["redis", "mysql", "elasticmq", "elasticsearch", "api"] satisfies ServerKind[]

export type Container = { id: string; name: string; kind: ServerKind }

/** Runs a docker command and returns what it printed. */
export const docker = (args: readonly string[]): Promise<string> => run("docker", args, { timeoutMs: DOCKER_LIMIT_MS })

/** The containers that are servers: "redis", and "api-1" where there may be several. */
export const findContainers = async (project: string): Promise<Container[]> => {
  const format = `{{.ID}} {{.Label "${SERVICE_LABEL}"}} {{.Label "com.docker.compose.container-number"}}`
  const args = ["ps", "--all", "--no-trunc", "--filter", `label=${PROJECT_LABEL}=${project}`, "--format", format]
  return (await docker(args))
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, service]) => KINDS.includes(service ?? ""))
    .map(([id = "", service = "", number]) => ({
      id,
      name: service === "api" ? `${service}-${number}` : service,
      kind: service as ServerKind,
    }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** Calls `ended` at each end of a container of the project, until the function that it returns is called. */
export const watchEndsOf = (project: string, ended: (id: string, why: string) => void): (() => void) => {
  const filters = ["type=container", "event=die", `label=${PROJECT_LABEL}=${project}`]
  const format = "{{.Actor.ID}} {{.Actor.Attributes.exitCode}}"
  const args = ["events", ...filters.flatMap((filter) => ["--filter", filter]), "--format", format]
  const child = spawn("docker", args, { stdio: ["ignore", "pipe", "ignore"] })
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [id = "", code] = line.split(" ")
    ended(id, `exit code ${code}`)
  })
  return () => child.kill()
}

/**
 * A container as a server. It is killed by its process: Docker would not start again what Docker has killed. It is
 * stopped by signals too: what the freezer of Docker holds could not be killed.
 */
export const containerServer = ({ id, name, kind }: Container, willKill: (id: string) => void): Server => {
  let known: { pid: number; identity: string } | undefined
  const find = async () => {
    if (known && processIdentity(known.pid) === known.identity) return known
    const pid = Number(await docker(["inspect", "--format", "{{.State.Pid}}", id]))
    const identity = pid > 0 ? processIdentity(pid) : undefined
    known = identity === undefined ? undefined : { pid, identity }
    return known
  }
  const signal = async (which: NodeJS.Signals) => {
    const found = await find()
    for (const pid of found ? processTree(found.pid) : []) {
      try {
        process.kill(pid, which)
      } catch {
        // It has just ended.
      }
    }
  }
  return {
    name,
    kind,
    async kill() {
      const found = await find()
      if (!found) return
      willKill(id)
      process.kill(found.pid, "SIGKILL")
      await untilGone(found.pid, found.identity)
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    async rssBytes() {
      const found = await find().catch(() => undefined)
      return found && rssBytesOf(processTree(found.pid))
    },
  }
}
