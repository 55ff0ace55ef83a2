// Starts a Redis with a delay added to each sync to disk, as on a slower device (slow-fsync.c). Needs a C compiler.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { run } from "../../local/run.ts"
import { freePorts, releasePorts } from "../../local/services/free-ports.ts"
import { findRedis } from "../../local/services/install.ts"
import { redisArguments } from "../../local/services/native.ts"
import { isReady } from "../../local/services/probe.ts"

const READY_LIMIT_MS = 10_000
const READY_POLL_MS = 50
const SHARED_BYTES = 12

/** `syncs` and `microseconds` are what Redis has spent on them since its start; both begin anew at 2^32. */
export type Syncs = { syncs: number; microseconds: number }
export type SlowRedis = {
  url: string
  pid: number
  /** Adds this many milliseconds to each sync from now on. */
  slow(ms: number): Promise<void>
  synced(): Promise<Syncs>
  stop(): Promise<void>
}

export async function startSlowRedis(folder: string): Promise<SlowRedis> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const [library, shared] = [join(folder, "slow-fsync.so"), join(folder, "syncs")]
  await run("cc", ["-shared", "-fPIC", "-O2", "-o", library, join(import.meta.dirname, "slow-fsync.c"), "-ldl"])
  const file = await open(shared, "w+")
  await file.write(Buffer.alloc(SHARED_BYTES))
  const [port = 0] = await freePorts(1)
  const child = spawn(findRedis() ?? "redis-server", redisArguments(port, folder), {
    argv0: "redis-server",
    env: { ...process.env, LD_PRELOAD: library, SLOW_FSYNC: shared },
    stdio: "ignore",
  })
  const ended = once(child, "exit")
  const stop = async () => {
    child.kill("SIGTERM")
    await ended
    await file.close()
    releasePorts([port])
    await rm(folder, { recursive: true, force: true })
  }
  const url = `redis://127.0.0.1:${port}/0`
  for (const started = performance.now(); !(await isReady("redis", url)); await sleep(READY_POLL_MS))
    if (performance.now() - started > READY_LIMIT_MS) {
      await stop()
      throw new Error("Redis did not start with slow syncs")
    }
  return {
    url,
    pid: child.pid as number,
    async slow(ms) {
      const microseconds = Buffer.alloc(4)
      microseconds.writeUInt32LE(ms * 1_000)
      await file.write(microseconds, 0, 4, 0)
    },
    async synced() {
      const { buffer } = await file.read(Buffer.alloc(SHARED_BYTES), 0, SHARED_BYTES, 0)
      return { syncs: buffer.readUInt32LE(4), microseconds: buffer.readUInt32LE(8) }
    },
    stop,
  }
}
