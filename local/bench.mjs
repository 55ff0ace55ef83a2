// npm run bench: what is fast, as ratios within one run. See bench/bench.ts.
import { bootstrap } from "./bootstrap.mjs"

// Handlers are called in this process as well; a line for each call would be most of what is measured, and seen.
process.env.LOG_LEVEL ??= "WARN"

bootstrap("../bench/bench.ts")
