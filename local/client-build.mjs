// npm run client:build: builds the client's package. See client-build.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("client-build.ts")
