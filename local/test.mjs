// npm test: runs every test, with its own services. See test.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("test.ts")
