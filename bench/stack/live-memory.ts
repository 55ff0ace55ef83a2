// Measures the live memory of a Node.js process after a garbage collection, by its inspector and the Chrome DevTools
// Protocol (https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler/). Resident memory varies by tens of
// megabytes with each collection, which would hide a small leak.
import { setTimeout as sleep } from "node:timers/promises"

const OPEN_LIMIT_MS = 5_000
const POLL_MS = 50
const ANSWER_LIMIT_MS = 30_000

type HeapUsage = { usedSize: number; embedderHeapUsedSize?: number; backingStorageSize?: number }

/**
 * Returns the bytes of live objects and buffers in `pid`, which must have been started with `--inspect-port=port`.
 * Opens its inspector (SIGUSR1), which stays open. Throws when it does not answer.
 */
export async function liveBytes(pid: number, port: number): Promise<number> {
  process.kill(pid, "SIGUSR1")
  const socket = new WebSocket(await inspectorUrl(port))
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve)
      socket.addEventListener("error", () => reject(new Error("the inspector refused the connection")))
    })
    await ask(socket, "HeapProfiler.collectGarbage")
    const { usedSize, backingStorageSize = 0 } = (await ask(socket, "Runtime.getHeapUsage")) as HeapUsage
    return usedSize + backingStorageSize
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
function ask(socket: WebSocket, method: string): Promise<unknown> {
  const id = ++lastId
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_LIMIT_MS)
    const listen = ({ data }: MessageEvent) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } }
      if (answer.id !== id) return
      clearTimeout(timer)
      socket.removeEventListener("message", listen)
      if (answer.error) reject(new Error(`${method}: ${answer.error.message}`))
      else resolve(answer.result)
    }
    socket.addEventListener("message", listen)
    socket.send(JSON.stringify({ id, method }))
  })
}
