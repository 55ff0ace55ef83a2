/** Smooth enough for a spinner on a terminal, at next to no cost. */
const FRAMES_PER_SECOND = 10
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
/** Without a terminal, a step that is still running prints a line this often. */
const STILL_EVERY_MS = 15_000

/** Shows what the launcher is doing. */
export type Progress = {
  /** Prints one line. */
  line(text: string): void
  /** Shows `work` while it runs, then its label, what `told` says of its result, and its duration. Rethrows its errors. */
  step<Result>(label: string, work: () => Promise<Result>, told?: (result: Result) => string): Promise<Result>
  /** Removes the moving line from the screen. */
  end(): void
}

/** Prints nothing, for callers that have their own output. */
export const silentProgress: Progress = { line: () => {}, step: (_label, work) => work(), end: () => {} }

const seconds = (sinceMs: number) => (Date.now() - sinceMs) / 1000

/** Returns progress on a stream: plain lines and, on a terminal, a moving line below them with the running steps. */
export const progressOn = (stream: NodeJS.WriteStream): Progress => {
  const running = new Map<string, number>()
  const moving = stream.isTTY && process.env.TERM !== "dumb"
  let frame = 0
  let timer: NodeJS.Timeout | undefined

  const clear = () => moving && stream.write("\r\u001B[K")
  const draw = () => {
    if (!moving || running.size === 0) return
    const texts = [...running].map(([label, since]) => `${label} ${seconds(since).toFixed(0)} s`)
    const text = `${FRAMES[frame++ % FRAMES.length]} ${texts.join(", ")}`
    clear()
    stream.write(text.slice(0, Math.max(20, (stream.columns || 80) - 1)))
  }
  const still = () => {
    for (const [label, since] of running) {
      if (seconds(since) * 1000 >= STILL_EVERY_MS) stream.write(`… ${label}: ${seconds(since).toFixed(0)} s\n`)
    }
  }
  const tick = () => {
    clearInterval(timer)
    timer =
      running.size === 0
        ? undefined
        : moving
          ? setInterval(draw, 1000 / FRAMES_PER_SECOND)
          : setInterval(still, STILL_EVERY_MS)
    timer?.unref()
  }
  const line = (text: string) => {
    clear()
    stream.write(`${text}\n`)
    draw()
  }

  return {
    line,
    async step(label, work, told) {
      const since = Date.now()
      running.set(label, since)
      if (running.size === 1) tick()
      try {
        const result = await work()
        running.delete(label)
        line(`✓ ${label}${told ? `: ${told(result)}` : ""} (${seconds(since).toFixed(1)} s)`)
        return result
      } finally {
        running.delete(label)
        if (running.size === 0) {
          clear()
          tick()
        }
      }
    },
    end() {
      running.clear()
      clear()
      tick()
    },
  }
}
