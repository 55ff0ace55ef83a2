// Loaded before a program (`node --import`), this shifts its wall clock by the milliseconds in the file
// CHAT_CLOCK_FILE, which is read ten times a second. Timers and performance.now are not shifted: they are monotonic, as
// on a machine whose clock is set.
import { readFileSync } from "node:fs"

const POLL_MS = 100
const path = process.env.CHAT_CLOCK_FILE

const RealDate = Date
const realNow = Date.now
let offsetMs = 0

const look = () => {
  try {
    const value = Number(readFileSync(path, "utf8"))
    if (Number.isFinite(value)) offsetMs = value
  } catch {
    // Not written yet.
  }
}

const now = () => realNow() + offsetMs

if (path) {
  look()
  setInterval(look, POLL_MS).unref()
  const Shifted = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === Shifted ? target : newTarget),
    apply: () => new RealDate(now()).toString(),
  })
  // Both share a prototype, so that dates made before and after are instances of both.
  RealDate.now = now
  RealDate.prototype.constructor = Shifted
  globalThis.Date = Shifted
}
