// npm run faults: a campaign of faults under load. See test/campaign/campaign.ts.
import { bootstrap } from "./bootstrap.mjs"

bootstrap("../test/campaign/campaign.ts")
