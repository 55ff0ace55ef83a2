// npm run check:deploy: deploys to an emulator of AWS and checks what is there. See deployment/check.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("../deployment/check.ts")
