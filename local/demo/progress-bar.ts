const WIDTH = 30
/** Without a terminal, a line is written at every tenth. */
const LINES = 10

/** Draws a progress bar on standard error. */
export function progressBar(label: string, total: number) {
  let done = 0
  let drawn = -1
  function draw(): void {
    const steps = process.stderr.isTTY ? total : LINES
    const step = total === 0 ? steps : Math.floor((done / total) * steps)
    if (step === drawn) return
    drawn = step
    const filled = Math.round((done / Math.max(total, 1)) * WIDTH)
    const bar = `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${done}/${total} ${label}`
    process.stderr.write(process.stderr.isTTY ? `\r${bar}` : `${bar}\n`)
  }
  draw()
  return {
    advance() {
      done++
      draw()
    },
    set(value: number) {
      done = value
      draw()
    },
    end() {
      if (process.stderr.isTTY) process.stderr.write("\n")
    },
  }
}
