// Runs the API at half its maximum rate for half an hour: neither its memory nor its latency may creep up.
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { ask, createChats, createSteadily, creationIn, percentile } from "../stack/load.ts"

const MINUTES = 30
/** Time for code to be compiled and caches to fill. */
const WARM_UP_MINUTES = 5
/** Length of the beginning (after the warm-up) and of the end, which are compared. */
const COMPARED_MINUTES = 5
const CONNECTIONS = 64
const MAXIMUM_SECONDS = 15
const APPLICATIONS = 32
const SHARE = 0.5
const MEGABYTE = 1024 * 1024
const SLOPE_MAX = 2
const DRIFT_MAX = 1.2
const QUIET_LIMIT_MS = 120_000

/** Returns the slope per step of the line through evenly spaced values (least squares). */
function slopeOf(values: number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const [over, under] = values.reduce(
    ([top, bottom], value, index) => [top + (index - middle) * (value - mean), bottom + (index - middle) ** 2],
    [0, 0],
  )
  return over / under
}

const medianOf = (values: number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    50,
  )

export const soak: Bench = {
  name: "soak",
  about: `POST message into ${APPLICATIONS} chats at half the greatest rate for ${MINUTES} minutes, the first ${WARM_UP_MINUTES} of which are not judged; the API's memory after each: live, once its garbage is collected, and resident`,
  async run({ stack, scale, say }) {
    const { apiUrl } = stack
    const chats = await createChats(apiUrl, APPLICATIONS)
    const greatest = await ask(apiUrl, chats.map(creationIn), { connections: CONNECTIONS, seconds: MAXIMUM_SECONDS })
    const rate = Math.round(greatest.perSecond * SHARE)
    await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
    const minutes = Math.max(3, Math.round(MINUTES * scale))
    const third = Math.floor(minutes / 3)
    const [warmUp, compared] = [Math.min(WARM_UP_MINUTES, third), Math.min(COMPARED_MINUTES, third)]
    const figures: Figure[] = []
    const live: number[] = []
    const p99: number[] = []
    let failed = 0
    for (let minute = 1; minute <= minutes; minute++) {
      const answered = await createSteadily({ apiUrl, chats, rate, seconds: 60 })
      const residentMegabytes = ((await stack.server("api").rssBytes()) ?? Number.NaN) / MEGABYTE
      // So that no request or batch is running.
      await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
      const liveMegabytes = (await stack.apiLiveBytes()) / MEGABYTE
      const latency = percentile(answered.latencies, 99)
      failed += answered.failed
      live.push(liveMegabytes)
      p99.push(latency)
      const { perSecond, failed: failedNow, failures } = answered
      figures.push({
        name: `minute ${minute}`,
        perSecond,
        p99: latency,
        liveMegabytes,
        residentMegabytes,
        failed: failedNow,
      })
      if (failedNow > 0) say(`instead of 201: ${JSON.stringify(failures)}`)
      say(
        `minute ${minute} of ${minutes} at ${rate}/s: p99 ${latency.toFixed(1)} ms, ${liveMegabytes.toFixed(1)} MB live, ${Math.round(residentMegabytes)} MB resident`,
      )
    }
    const judged = { live: live.slice(warmUp), p99: p99.slice(warmUp) }
    figures.push({
      name: "all",
      rate,
      liveMegabytesPerHour: slopeOf(judged.live) * 60,
      drift: medianOf(judged.p99.slice(-compared)) / medianOf(judged.p99.slice(0, compared)),
      failed,
    })
    const bounds = [
      { of: "liveMegabytesPerHour", name: "all", max: SLOPE_MAX },
      { of: "drift", name: "all", max: DRIFT_MAX },
      { of: "failed", name: "all", max: 0 },
    ]
    const plot = plotMedians(figures, {
      file: "soak",
      title: `Half the greatest rate for ${minutes} minutes`,
      unit: "MB and ms, after each minute",
      series: { liveMegabytes: "live memory of the API", p99: "p99 of a creation" },
    })
    return { figures, bounds, plots: [plot] }
  },
}
