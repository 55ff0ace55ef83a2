// npm run faults: runs a campaign of faults under load. See campaign/campaign.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("../campaign/campaign.ts")
