// Shows a campaign while it runs: lines for events and, on a terminal, one moving line.
const REDRAW_MS = 500
/** Without a terminal, a line is printed this often. */
const LINE_EVERY_MS = 10_000

export type Status = {
  line(text: string): void
  /** Makes `text()` the content of the moving line. */
  show(text: () => string): void
  end(): void
}

/** Returns the status on a stream: a terminal has a moving line below the others, other outputs a line each 10 s. */
export function statusOn(stream: NodeJS.WriteStream): Status {
  const moving = stream.isTTY && process.env.TERM !== "dumb"
  let text: (() => string) | undefined
  const clear = () => moving && stream.write("\r\u001B[K")
  const draw = () => {
    if (!text) return
    if (!moving) stream.write(`${text()}\n`)
    else stream.write(`\r\u001B[K${text().slice(0, Math.max(20, (stream.columns || 80) - 1))}`)
  }
  const timer = setInterval(draw, moving ? REDRAW_MS : LINE_EVERY_MS)
  timer.unref()
  return {
    line(said) {
      clear()
      stream.write(`${said}\n`)
      if (moving) draw()
    },
    show(said) {
      text = said
      if (moving) draw()
    },
    end() {
      clearInterval(timer)
      clear()
      text = undefined
    },
  }
}

/** Returns a duration as minutes and seconds, such as 1:15. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}
