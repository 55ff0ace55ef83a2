// Asks a Node.js process by its inspector and the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/v8/).
import { setTimeout as sleep } from "node:timers/promises"

const OPEN_LIMIT_MS = 5_000
const POLL_MS = 50
const ANSWER_LIMIT_MS = 30_000
/** Finer than the default, and still too seldom to cost anything that can be measured. */
export const SAMPLE_MICROSECONDS = 500

/** A node of the protocol's `Profile`; `hitCount` is the number of samples in the function itself. */
export type ProfileNode = {
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number }
  hitCount: number
}
type HeapUsage = { usedSize: number; backingStorageSize?: number }
type Ask = <Result>(method: string, params?: object) => Promise<Result>

/**
 * Returns the bytes of live objects and buffers of `pid` after a garbage collection. Resident memory varies by tens of
 * megabytes with each collection, which would hide a small leak. Throws when the inspector does not answer.
 */
export const liveBytes = (pid: number, port: number): Promise<number> =>
  inspecting(pid, port, async (ask) => {
    await ask("HeapProfiler.collectGarbage")
    const { usedSize, backingStorageSize = 0 } = await ask<HeapUsage>("Runtime.getHeapUsage")
    return usedSize + backingStorageSize
  })

/** Runs `load`, and returns where the main thread of `pid` was meanwhile. Throws when the inspector does not answer. */
export const profiled = (pid: number, port: number, load: () => Promise<unknown>): Promise<ProfileNode[]> =>
  inspecting(pid, port, async (ask) => {
    await ask("Profiler.enable")
    await ask("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS })
    await ask("Profiler.start")
    await load()
    const { profile } = await ask<{ profile: { nodes: ProfileNode[] } }>("Profiler.stop")
    return profile.nodes
  })

/** Opens the inspector of `pid` (SIGUSR1), which must have been started with `--inspect-port=port` and keeps it open. */
async function inspecting<Result>(pid: number, port: number, use: (ask: Ask) => Promise<Result>): Promise<Result> {
  process.kill(pid, "SIGUSR1")
  const socket = new WebSocket(await inspectorUrl(port))
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve)
      socket.addEventListener("error", () => reject(new Error("the inspector refused the connection")))
    })
    return await use((method, params) => askBy(socket, method, params))
  } finally {
    socket.close()
  }
}

async function inspectorUrl(port: number): Promise<string> {
  const started = performance.now()
  for (;;) {
    try {
      const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        webSocketDebuggerUrl: string
      }[]
      if (target) return target.webSocketDebuggerUrl
    } catch (error) {
      if (performance.now() - started > OPEN_LIMIT_MS)
        throw new Error(`no inspector answers on port ${port}`, { cause: error })
    }
    await sleep(POLL_MS)
  }
}

let lastId = 0

/** Sends a command and returns its result. */
function askBy<Result>(socket: WebSocket, method: string, params: object = {}): Promise<Result> {
  const id = ++lastId
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_LIMIT_MS)
    const listen = ({ data }: MessageEvent) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: Result; error?: { message: string } }
      if (answer.id !== id) return
      clearTimeout(timer)
      socket.removeEventListener("message", listen)
      if (answer.error) reject(new Error(`${method}: ${answer.error.message}`))
      else resolve(answer.result as Result)
    }
    socket.addEventListener("message", listen)
    socket.send(JSON.stringify({ id, method, params }))
  })
}
