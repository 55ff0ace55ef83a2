// npm run demo: sends a real corpus through a running API. See demo.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("demo.ts")
