// A Redis of a test's own, which it may freeze, kill and reconfigure.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findRedis } from "../../local/services/install.ts"

export type OwnRedis = Awaited<ReturnType<typeof startRedis>>

/** Starts a Redis for one test, set up like the services', that it may freeze and kill. */
export async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), "chat-redis-"))
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as { port: number }
  await once(probe.close(), "close")
  const start = async () => {
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"]
    const server = spawn(findRedis() ?? "redis-server", [...args, "--appendfsync", "always", "--save", ""], {
      argv0: "redis-server",
      stdio: "ignore",
    })
    await once(server, "spawn")
    return server
  }
  let server = await start()
  const url = `redis://127.0.0.1:${port}/0`
  const end = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, "exit")
    server.kill("SIGKILL")
    await ended
  }
  return {
    url,
    freeze: () => server.kill("SIGSTOP"),
    thaw: () => server.kill("SIGCONT"),
    kill: end,
    restart: async () => {
      server = await start()
    },
    remove: async () => {
      await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
