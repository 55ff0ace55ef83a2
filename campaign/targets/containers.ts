/** Finds the containers of a campaign's project, and kills and freezes them from outside Docker. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { processIdentity } from "../../local/processes.ts"
import { run } from "../../local/run.ts"
import { processTree, rssBytesOf, untilGone } from "./process-group.ts"
import type { Server, ServerKind } from "./target.ts"

/** The engine answers within tenths of a second; starting a container on a busy machine takes longer. */
const DOCKER_LIMIT_MS = 30_000
const SERVICE_LABEL = "com.docker.compose.service"
const PROJECT_LABEL = "com.docker.compose.project"
const KINDS: readonly string[] = ["redis", "mysql", "elasticmq", "elasticsearch", "api"] satisfies ServerKind[]

export type Container = { id: string; name: string; kind: ServerKind }

/** Runs a docker command and returns what it printed. */
export const docker = (args: readonly string[]): Promise<string> => run("docker", args, { timeoutMs: DOCKER_LIMIT_MS })

/** Returns the containers that are servers, named "redis", or "api-1" where there may be several. */
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

/** Calls `ended` whenever a container of the project ends. Returns a function that stops watching. */
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
 * Returns a container as a server. A kill signals its process, since Docker does not restart what it has killed itself;
 * so does a freeze, since a container that Docker has paused could not be killed.
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
        // The process has just ended.
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
