// npm run bench: what is fast, as ratios within one run. See test/bench/bench.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("../test/bench/bench.ts")
