// npm start: runs the whole system on this machine. See start.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("start.ts")
