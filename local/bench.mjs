// npm run bench: runs the benchmarks. See bench/bench.ts.
import { bootstrap } from "./bootstrap.mjs"

// Some benchmarks call handlers in this process; a log line for each call would distort what is measured.
process.env.LOG_LEVEL ??= "WARN"

bootstrap("../bench/bench.ts")
