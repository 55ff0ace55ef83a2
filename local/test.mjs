// npm test: every test, with services of its own. See test.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("test.ts")
